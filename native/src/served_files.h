// Which descriptors are of files that another process serves (FUSE), or the machine's host.
// Engine's thread.
//
// Such a file can be polled, so io_uring takes it for one that never makes anybody wait: a read
// would keep this thread for as long as the server takes, and with it all clients. On one of the
// kernel's worker threads it wouldn't; but there, as here, the rest of a transfer that came to
// fewer bytes is asked for at the same position once more, where the server wants no page cache
// (FOPEN_DIRECT_IO): a read beyond the end has the file twice (Linux 6.18, io_uring/rw.c,
// fs/fuse/file.c). So transfers of them are system calls of the call thread.
//
// An open asks the server, too, as it does with NFS and the like, and so does a close. A close goes
// to a worker by itself, and an open whose path isn't cached; one whose path is has to be sent
// there.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "file_systems.h"

namespace ringpost {

// Where an open begins, what it looks for, and how (RESOLVE_* of openat2).
struct CachedPath {
  int32_t folder;
  const char* name;
  uint64_t resolve;
};

class ServedFiles {
 public:
  // Whether it is one. Asked each time: somebody else may have closed it, and its number be another
  // file's.
  [[nodiscard]] bool Has(int32_t fd, uint64_t now_ns) {
    const uint32_t second = SecondOf(now_ns);
    return (Mounted(second) & KindBit(FileSystem::kServed)) != 0 && Ask(fd, second);
  }

  // Whether an open of this path would ask a server without a worker.
  [[nodiscard]] bool HasCached(const CachedPath& path, uint64_t now_ns) {
    constexpr uint32_t kAsked = KindBit(FileSystem::kServed) | KindBit(FileSystem::kRemote);
    const uint32_t second = SecondOf(now_ns);
    return (Mounted(second) & kAsked) != 0 && AskCached(path, second);
  }

 private:
  static constexpr uint32_t kSecondBits = 30;

  static uint32_t SecondOf(uint64_t now_ns) { return static_cast<uint32_t>(now_ns >> kSecondBits); }

  [[nodiscard]] uint32_t Mounted(uint32_t second) {
    if (second != looked_) [[unlikely]]
      LookAtMounts(second);
    return mounted_;
  }
  void LookAtMounts(uint32_t second);
  bool Ask(int32_t fd, uint32_t second);
  bool AskCached(const CachedPath& path, uint32_t second);
  FileSystem KindOf(dev_t device, uint32_t second);

  // Where nothing that is served was ever mounted, as on most servers, no descriptor is asked
  // about: that costs a sixth of the small files that are read in a second. What was, may be in use
  // still when it is unmounted (umount -l).
  uint32_t looked_ = 0;   // in which second
  uint32_t mounted_ = 0;  // KindBit
  Mounts mounts_;

  // The device that was asked about last: most files are on one.
  dev_t device_ = 0;
  uint32_t device_second_ = 0;
  FileSystem device_kind_ = FileSystem::kOther;
};

}  // namespace ringpost
