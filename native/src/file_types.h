// What a descriptor is of, and so whether what is asked of it ends by itself.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "descriptor_users.h"
#include "kernel_abi.h"
#include "transfer.h"

namespace ringpost {

// What statx(2) says of it as far as is known here: fstat(2) may ask whoever serves the file.
// Returns whether it is open.
[[nodiscard]] bool Describe(int32_t fd, struct statx* out, uint32_t mask = STATX_TYPE);

// Whether it is a file or disk: it has a real offset, and its transfers end by themselves. Some
// devices have an offset that says 0 whatever happens (an eventfd, for one), and a read there may
// wait for a write.
[[nodiscard]] bool IsFileOrDisk(int32_t fd);

// Whether what is asked of it may wait for ever: for somebody at the other end of a pipe, say.
[[nodiscard]] bool MayWait(int32_t fd);

// Whether the submission may, for all that is known of what it works on. Of a chain's own file,
// which has no descriptor to ask, a transfer at a position is taken for a file's.
[[nodiscard]] inline bool MayWait(const abi::Sqe& sqe) {
  if (Opens(sqe)) return true;  // for the other end of a FIFO
  if ((sqe.flags & abi::kSqeFixedFile) != 0) return !TransfersAtPosition(sqe);
  const int32_t fd = DescriptorOf(sqe);
  const int32_t input = InputOf(sqe);
  return (fd < 0 && input < 0) || MayWait(fd) || MayWait(input);
}

}  // namespace ringpost
