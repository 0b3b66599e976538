#pragma once

#include <fcntl.h>

#include <cstdint>

#include "protocol.h"

namespace ringpost {

static_assert((O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |
               O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |
               O_CLOEXEC | O_PATH | O_TMPFILE) < protocol::open_flag::kKept);

// What the kernel is told of a request's open flags: without ours, and never to be inherited by a
// program that is run.
inline uint32_t KernelOpenFlags(uint32_t flags) {
  return (flags & ~(protocol::open_flag::kFlush | protocol::open_flag::kKept)) | O_CLOEXEC;
}

}  // namespace ringpost
