// Which descriptors are of files that another process serves (FUSE), or the machine's host.
// Engine's thread.
//
// Such a file can be polled, so io_uring takes it for one that never makes anybody wait: a read
// would keep this thread for as long as the server takes, and with it all clients. On one of the
// kernel's worker threads it wouldn't; but there, as here, the rest of a transfer that came to
// fewer bytes is asked for at the same position once more, where the server wants no page cache
// (FOPEN_DIRECT_IO): a read beyond the end has the file twice (Linux 6.18, io_uring/rw.c,
// fs/fuse/file.c). So transfers of them are system calls of the call thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace ringpost {

// S_IFREG and the like, 0 of what is none of them (an eventfd, say); negative where it isn't open.
// What is known here: fstat(2) may ask whoever serves the file.
[[nodiscard]] int32_t FileTypeOf(int32_t fd);

class ServedFiles {
 public:
  // Whether it is one. Looked at again when what is known is older than a second, as somebody else
  // may have closed it, and the number be another file's.
  [[nodiscard]] bool Has(int32_t fd, uint64_t now_ns) {
    const auto second = static_cast<uint32_t>(now_ns >> kSecondBits);
    if (second != looked_) [[unlikely]]
      LookForAny(second);
    if (!is_any_) [[likely]]
      return false;
    const auto index = static_cast<size_t>(fd);
    if (index < known_.size() && known_[index].second == second) [[likely]]
      return known_[index].is_served;
    return Ask(fd, second);
  }

  // It was opened or closed here just now.
  void Forget(int32_t fd) {
    if (fd < 0) return;
    const auto index = static_cast<size_t>(fd);
    if (index < known_.size()) known_[index].second = 0;
  }

 private:
  static constexpr uint32_t kSecondBits = 30;

  struct Known {
    uint32_t second = 0;  // in which it was asked about
    bool is_served = false;
  };

  void LookForAny(uint32_t second);
  bool Ask(int32_t fd, uint32_t second);

  // Where nothing is mounted that is served, as on most servers, no descriptor is asked about: that
  // costs a sixth of the small files that are read in a second.
  uint32_t looked_ = 0;  // in which second
  bool is_any_ = false;

  std::vector<Known> known_;  // by descriptor
  // The device that was asked about last: most files are on one.
  dev_t device_ = 0;
  uint32_t device_second_ = 0;
  bool device_serves_ = false;
};

}  // namespace ringpost
