// An open, a read or write of one span of memory, a close, as submissions: the same for a plain
// request and for a step of a recipe.
#pragma once

#include <fcntl.h>
#include <sys/uio.h>

#include <cstdint>

#include "kernel_abi.h"
#include "open_flags.h"
#include "regions.h"

namespace ringpost {

enum class Direction { kRead, kWrite };

// Whole files move in steps of so many bytes. A read of cached pages is a copy on the engine's
// thread: between two steps the requests of others have their turn.
inline constexpr uint32_t kRecipeStepBytes = 1u << 20;

// From so many bytes on, a request that can't be cut into steps goes to a kernel worker thread at
// once, for the same reason. Not sooner: those threads are few, and a read that waits for the
// device needs none.
inline constexpr uint64_t kLongCopyBytes = 4u << 20;

inline uint8_t FlagsForLength(uint64_t bytes) {
  return bytes >= kLongCopyBytes ? abi::kSqeAsync : uint8_t{0};
}

inline bool IsRead(uint8_t operation) {
  return operation == abi::kOpRead || operation == abi::kOpReadFixed || operation == abi::kOpReadv;
}

inline bool IsWrite(uint8_t operation) {
  return operation == abi::kOpWrite || operation == abi::kOpWriteFixed ||
         operation == abi::kOpWritev;
}

inline bool Opens(const abi::Sqe& sqe) {
  return sqe.opcode == abi::kOpOpenat || sqe.opcode == abi::kOpOpenat2;
}

// A position that means the descriptor's own offset.
inline constexpr uint64_t kOwnOffset = ~uint64_t{0};

// Whether it transfers at the descriptor's own offset, and moves that on.
inline bool IsAtOwnOffset(const abi::Sqe& sqe) {
  return (IsRead(sqe.opcode) || IsWrite(sqe.opcode)) && sqe.offset == kOwnOffset;
}

// Whether it transfers at a position: of a file or disk, then, and ends by itself; or the program
// says so of what has none.
inline bool TransfersAtPosition(const abi::Sqe& sqe) {
  return (IsRead(sqe.opcode) || IsWrite(sqe.opcode)) && sqe.offset != kOwnOffset;
}

inline uint64_t TotalBytes(const iovec* list, uint32_t count) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) bytes += list[i].iov_len;
  return bytes;
}

inline uint64_t BytesOf(const abi::Sqe& sqe) {
  if (sqe.opcode != abi::kOpReadv && sqe.opcode != abi::kOpWritev) return sqe.length;
  return TotalBytes(reinterpret_cast<const iovec*>(sqe.address), sqe.length);
}

inline void FillTransfer(Direction direction, int32_t fd, uint64_t offset, const Span& span,
                         abi::Sqe* sqe) {
  const bool registered = span.registered_index != kNotRegistered;
  if (direction == Direction::kWrite) {
    sqe->opcode = registered ? abi::kOpWriteFixed : abi::kOpWrite;
  } else {
    sqe->opcode = registered ? abi::kOpReadFixed : abi::kOpRead;
  }
  if (registered) sqe->buffer_index = span.registered_index;
  sqe->flags = FlagsForLength(span.length);
  sqe->fd = fd;
  sqe->offset = offset;
  sqe->address = abi::Address(span.base);
  sqe->length = span.length;
}

// flags: open flags, ours among them.
inline void FillOpen(const char* path, uint32_t flags, uint32_t mode, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpOpenat;
  sqe->fd = AT_FDCWD;
  sqe->address = abi::Address(path);
  sqe->length = mode;
  sqe->op_flags = KernelOpenFlags(flags);
}

inline void FillClose(int32_t fd, abi::Sqe* sqe) {
  sqe->opcode = abi::kOpClose;
  sqe->fd = fd;
}

}  // namespace ringpost
