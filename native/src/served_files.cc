#include "served_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file_types.h"
#include "kernel_abi.h"
#include "unique_fd.h"

namespace ringpost {

namespace {

dev_t DeviceOf(const struct statx& status) {
  return makedev(status.stx_dev_major, status.stx_dev_minor);
}

}  // namespace

void ServedFiles::LookAtMounts(uint32_t second) {
  looked_ = second;
  if (!mounts_.HaveChanged()) return;
  uint32_t kinds = 0;
  if (!MountedKinds(&kinds)) mounts_.AskAgain();
  mounted_ |= kinds;
}

FileSystem ServedFiles::KindOf(dev_t device, uint32_t second) {
  if (device != device_ || second != device_second_) {
    device_ = device;
    device_second_ = second;
    device_kind_ = FileSystemOf(device);
  }
  return device_kind_;
}

bool ServedFiles::Ask(int32_t fd, uint32_t second) {
  struct statx status = {};
  if (!Describe(fd, &status)) return false;
  // A FIFO there is the kernel's own, and may wait for ever.
  return S_ISREG(status.stx_mode) && KindOf(DeviceOf(status), second) == FileSystem::kServed;
}

// By looking at the same names as the open (RESOLVE_CACHED: Linux 5.12), with no open of the file.
bool ServedFiles::AskCached(const CachedPath& path, uint32_t second) {
  abi::OpenHow how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = path.resolve | abi::kResolveCached;
  const UniqueFd place(
      static_cast<int>(::syscall(__NR_openat2, path.folder, path.name, &how, sizeof(how))));
  struct statx status = {};
  if (!Describe(place.get(), &status)) return false;
  // A FIFO's open would wait for its other end, and have a worker meanwhile.
  if (!S_ISREG(status.stx_mode) && !S_ISDIR(status.stx_mode)) return false;
  const FileSystem kind = KindOf(DeviceOf(status), second);
  return kind == FileSystem::kServed || kind == FileSystem::kRemote;
}

}  // namespace ringpost
