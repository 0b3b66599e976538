#pragma once

#include <array>
#include <cstdint>

#include "kernel_abi.h"

namespace ringpost {

// Which descriptor a submission works on: negative where none, or where that place says something
// else.
inline int32_t DescriptorOf(const abi::Sqe& sqe) {
  switch (sqe.opcode) {
    case abi::kOpNop:
    case abi::kOpTimeout:
    case abi::kOpMadvise:
    case abi::kOpGetxattr:
    case abi::kOpSetxattr:
    case abi::kOpPipe:
    case abi::kOpFutexWait:
    case abi::kOpFutexWake:
      return -1;
    case abi::kOpWaitid:
      return sqe.length == abi::kIdIsPidfd ? sqe.fd : -1;
    default:
      return sqe.fd;
  }
}

// The one that a splice or tee takes from; negative otherwise, and where it is in the ring's own
// table.
inline int32_t InputOf(const abi::Sqe& sqe) {
  if (sqe.opcode != abi::kOpSplice && sqe.opcode != abi::kOpTee) return -1;
  return (sqe.op_flags & abi::kSpliceFdInFixed) != 0 ? -1 : sqe.file_index;
}

// Whether the kernel looks for the descriptor later, on one of its worker threads: of all that it
// doesn't try at once (io_assign_file of io_uring/io_uring.c, Linux 5.19 and newer).
inline bool IsLookedUpLate(const abi::Sqe& sqe) {
  if ((sqe.flags & abi::kSqeAsync) != 0) return true;
  switch (sqe.opcode) {
    case abi::kOpRead:
    case abi::kOpReadFixed:
    case abi::kOpReadv:
    case abi::kOpWrite:
    case abi::kOpWriteFixed:
    case abi::kOpWritev:
    case abi::kOpPollAdd:
    case abi::kOpWaitid:
      return false;
    default:
      return true;
  }
}

// How many requests in flight use a descriptor, so that a close needs to look for them only where
// there may be some. Descriptors that are equal modulo the table's size are counted together.
// Engine thread.
class DescriptorUsers {
 public:
  void Add(int32_t fd) { Counter(fd)++; }
  void Remove(int32_t fd) { Counter(fd)--; }
  [[nodiscard]] bool MayHave(int32_t fd) { return Counter(fd) > 0; }

 private:
  uint32_t& Counter(int32_t fd) { return counts_[static_cast<uint32_t>(fd) % counts_.size()]; }

  std::array<uint32_t, 1024> counts_{};
};

}  // namespace ringpost
