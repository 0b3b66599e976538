#pragma once

#include <array>
#include <cstdint>
#include <vector>

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

struct InFlight;

// That a request in flight uses a descriptor; in the list of those that do.
struct DescriptorUse {
  int32_t fd = -1;  // negative: it is in no list
  InFlight* user = nullptr;
  DescriptorUse* previous = nullptr;
  DescriptorUse* next = nullptr;
};

// Which requests in flight use a descriptor, so that a close finds them. Descriptors that are equal
// modulo the table's size share a list. Engine thread.
class DescriptorUsers {
 public:
  void Add(DescriptorUse* use, int32_t fd, InFlight* user) {
    DescriptorUse*& first = FirstOf(fd);
    *use = {.fd = fd, .user = user, .previous = nullptr, .next = first};
    if (first != nullptr) first->previous = use;
    first = use;
  }

  // If it is in a list.
  void Remove(DescriptorUse* use) {
    if (use->fd < 0) return;
    if (use->next != nullptr) use->next->previous = use->previous;
    (use->previous != nullptr ? use->previous->next : FirstOf(use->fd)) = use->next;
    use->fd = -1;
  }

  [[nodiscard]] bool MayHave(int32_t fd) { return FirstOf(fd) != nullptr; }

  // A copy, as what is done to them may take them out.
  [[nodiscard]] std::vector<InFlight*> Of(int32_t fd) {
    std::vector<InFlight*> users;
    for (DescriptorUse* use = FirstOf(fd); use != nullptr; use = use->next) {
      if (use->fd == fd) users.push_back(use->user);
    }
    return users;
  }

 private:
  DescriptorUse*& FirstOf(int32_t fd) { return lists_[static_cast<uint32_t>(fd) % lists_.size()]; }

  std::array<DescriptorUse*, 1024> lists_{};
};

}  // namespace ringpost
