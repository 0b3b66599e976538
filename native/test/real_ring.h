// For tests on the kernel's own io_uring: whether it is to be had here, and what a test must leave
// behind as it found it.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "check.h"
#include "ring.h"

namespace ringpost {

// Returns 0, or -errno where this machine refuses (seccomp, sysctl, an old kernel).
inline int RingRefusal() {
  Ring ring;
  return ring.Open({});
}

// First line of a test that needs the kernel.
#define NEEDS_IO_URING()                                                   \
  do {                                                                     \
    if (const int refusal = ::ringpost::RingRefusal(); refusal < 0)        \
      SKIP("io_uring is refused here, errno " + std::to_string(-refusal)); \
  } while (false)

// Descriptors that this process has open.
inline int OpenDescriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return -1;
  int count = 0;
  while (::readdir(folder) != nullptr) count++;
  ::closedir(folder);
  return count - 3;  // ".", ".." and the folder itself
}

}  // namespace ringpost
