// The requests that tests make, one function per operation: the words, and the path and the memory
// that go with them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "protocol.h"
#include "shared_memory.h"

namespace ringpost {

struct TestRequest {
  Request words = {};
  const char* path = nullptr;
  // Memory of the request's own, pinned when it is posted.
  void* base = nullptr;
  std::vector<iovec> vectors;
  uint64_t deadline_ns = 0;  // none
};

inline TestRequest Until(uint64_t deadline_ns, TestRequest request) {
  request.deadline_ns = deadline_ns;
  return request;
}

inline constexpr uint64_t kCurrentPosition = UINT64_MAX;

inline TestRequest Operation(uint32_t opcode, int32_t fd = -1) {
  TestRequest request;
  request.words.opcode = opcode;
  request.words.fd = fd;
  request.words.region = protocol::region::kNone;
  return request;
}

inline TestRequest Transfer(uint32_t opcode, int32_t fd, const void* base, uint32_t length,
                            uint64_t position) {
  TestRequest request = Operation(opcode, fd);
  request.base = const_cast<void*>(base);
  request.words.length = length;
  request.words.position_low = static_cast<uint32_t>(position);
  request.words.position_high = static_cast<uint32_t>(position >> 32);
  return request;
}

inline TestRequest Nop() { return Operation(protocol::opcode::kNop); }
inline TestRequest CloseFd(int32_t fd) { return Operation(protocol::opcode::kClose, fd); }
inline TestRequest Poll(int32_t fd, uint32_t events) {
  TestRequest request = Operation(protocol::opcode::kPoll, fd);
  request.words.flags = events;
  return request;
}
inline TestRequest PollEvents(int32_t fd, uint32_t events) {
  TestRequest request = Operation(protocol::opcode::kPollEvents, fd);
  request.words.flags = events;
  return request;
}
inline TestRequest Fsync(int32_t fd) { return Operation(protocol::opcode::kFsync, fd); }
inline TestRequest Fdatasync(int32_t fd) { return Operation(protocol::opcode::kFdatasync, fd); }

inline TestRequest Open(const char* path, uint32_t flags, uint32_t mode = 0600) {
  TestRequest request = Operation(protocol::opcode::kOpen);
  request.path = path;
  request.words.flags = flags;
  request.words.mode = mode;
  return request;
}

// By path, or by descriptor where there is no path.
inline TestRequest Stat(const char* path, int32_t fd = -1) {
  TestRequest request = Operation(protocol::opcode::kStat, fd);
  request.path = path;
  request.words.mode = STATX_BASIC_STATS;
  return request;
}

inline TestRequest Read(int32_t fd, void* base, uint32_t length, uint64_t position) {
  return Transfer(protocol::opcode::kRead, fd, base, length, position);
}
inline TestRequest Write(int32_t fd, const void* base, uint32_t length, uint64_t position) {
  return Transfer(protocol::opcode::kWrite, fd, base, length, position);
}

inline TestRequest Vectored(uint32_t opcode, int32_t fd, std::vector<iovec> vectors,
                            uint64_t position) {
  TestRequest request =
      Transfer(opcode, fd, nullptr, static_cast<uint32_t>(vectors.size()), position);
  request.vectors = std::move(vectors);
  return request;
}

inline TestRequest ReadFile(const char* path, void* base, uint32_t length) {
  TestRequest request = Transfer(protocol::opcode::kReadFile, -1, base, length, 0);
  request.path = path;
  return request;
}
inline TestRequest ReadRest(int32_t fd, void* base, uint32_t length, uint64_t position) {
  return Transfer(protocol::opcode::kReadRest, fd, base, length, position);
}
inline TestRequest WriteFile(const char* path, const void* base, uint32_t length,
                             uint32_t flags = 0) {
  TestRequest request = Transfer(protocol::opcode::kWriteFile, -1, base, length, 0);
  request.path = path;
  request.words.flags = O_WRONLY | O_CREAT | O_TRUNC | flags;
  request.words.mode = 0600;
  return request;
}

// In a slab, whose number is its generation, as packages/client/src/encode-request.ts has it.
inline TestRequest InSlab(TestRequest request, uint32_t slab, uint32_t offset) {
  request.base = nullptr;
  request.words.region = protocol::region::kFirstSlab + slab;
  request.words.region_generation = slab;
  request.words.region_offset = offset;
  return request;
}
inline TestRequest RegisterSlab(uint32_t slab, uint32_t length) {
  return InSlab(Transfer(protocol::opcode::kRegisterSlab, -1, nullptr, length, 0), slab, 0);
}

}  // namespace ringpost
