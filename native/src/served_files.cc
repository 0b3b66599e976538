#include "served_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "file_systems.h"

namespace ringpost {

namespace {

// More descriptors than a process has as a rule: those beyond are asked about each time.
constexpr size_t kMostKnown = 1 << 20;

bool Describe(int32_t fd, struct statx* out) {
  return fd >= 0 && ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, out) == 0;
}

}  // namespace

int32_t FileTypeOf(int32_t fd) {
  struct statx status = {};
  return Describe(fd, &status) ? status.stx_mode & S_IFMT : -1;
}

void ServedFiles::LookForAny(uint32_t second) {
  looked_ = second;
  is_any_ = IsAnyServed();
}

bool ServedFiles::Ask(int32_t fd, uint32_t second) {
  struct statx status = {};
  if (!Describe(fd, &status)) return false;
  const dev_t device = makedev(status.stx_dev_major, status.stx_dev_minor);
  if (device != device_ || second != device_second_) {
    device_ = device;
    device_second_ = second;
    device_serves_ = FileSystemOf(device) == FileSystem::kServed;
  }
  // A FIFO there is the kernel's own, and may wait for ever.
  const bool is_served = device_serves_ && S_ISREG(status.stx_mode);
  const auto index = static_cast<size_t>(fd);
  if (index < kMostKnown) {
    if (index >= known_.size()) known_.resize(index + 1);
    known_[index] = {.second = second, .is_served = is_served};
  }
  return is_served;
}

}  // namespace ringpost
