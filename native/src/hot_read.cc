#include "hot_read.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "kernel_abi.h"
#include "unique_fd.h"

namespace ringpost {

namespace {

// cachestat(2) of include/uapi/linux/mman.h, which older headers lack. The number is the same on
// all architectures of ringpost.
constexpr long kSysCachestat = 451;

struct CachestatRange {
  uint64_t offset;
  uint64_t length;
};

struct Cachestat {  // in pages
  uint64_t cached;
  uint64_t dirty;
  uint64_t in_writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

// Returns how many pages these bytes of a file lie in; there is one at least.
uint64_t PagesOf(int64_t offset, int64_t bytes) {
  static const int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  return static_cast<uint64_t>((offset + bytes - 1) / page_bytes - offset / page_bytes + 1);
}

// -1 of what is no regular file: a disk, say.
int64_t SizeOf(int fd) {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

// Returns 0 where the page cache has all of these bytes, up to the end of the file; -EAGAIN where
// it hasn't, or -errno. What it lacks RWF_NOWAIT wouldn't wait for, but begin to read, and wait for
// what the file system has to look up for that. Of what isn't a file nothing is cached: nobody
// reads here from a device, which may give each byte only once.
int CheckCached(int fd, int64_t offset, int64_t bytes) {
  CachestatRange range = {static_cast<uint64_t>(offset), static_cast<uint64_t>(bytes)};
  Cachestat pages = {};
  if (::syscall(kSysCachestat, fd, &range, &pages, 0) < 0) return -errno;
  if (pages.cached == 0) return -EAGAIN;
  if (pages.cached >= PagesOf(offset, bytes)) return 0;
  const int64_t left = SizeOf(fd) - offset;
  return left > 0 && left < bytes && pages.cached >= PagesOf(offset, left) ? 0 : -EAGAIN;
}

UniqueFd OpenCached(const char* path, int flags) {
  abi::OpenHow how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = abi::kResolveCached;
  return UniqueFd(static_cast<int>(::syscall(__NR_openat2, AT_FDCWD, path, &how, sizeof(how))));
}

}  // namespace

int ReadHot(int fd, uint8_t* base, size_t bytes, int64_t offset) {
  // With O_DIRECT the call waits for the device. Asked each time, as the number may be another
  // file's by now.
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_DIRECT) != 0) return -EAGAIN;
  if (const int cached = CheckCached(fd, offset, static_cast<int64_t>(bytes)); cached < 0) {
    return cached;
  }
  const iovec part = {base, bytes};
  const ssize_t read = ::preadv2(fd, &part, 1, offset, RWF_NOWAIT);
  if (read < 0) return -errno;
  // Fewer: the end of the file, or pages that were evicted in between.
  if (static_cast<size_t>(read) < bytes) {
    const int64_t size = SizeOf(fd);
    if (size < 0 || offset + read < size) return -EAGAIN;
  }
  return static_cast<int>(read);
}

int ReadHotFile(const char* path, uint8_t* base, size_t room) {
  // What it is comes first: to open a FIFO or a device has effects.
  UniqueFd place = OpenCached(path, O_PATH);
  if (!place.valid()) return -EAGAIN;
  const int64_t size = SizeOf(place.get());
  place.Reset();
  // Those of 0 bytes may be none, as in /proc.
  if (size <= 0 || size >= static_cast<int64_t>(room)) return -EAGAIN;
  const UniqueFd fd = OpenCached(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd.valid()) return -EAGAIN;
  if (const int cached = CheckCached(fd.get(), 0, size); cached < 0) return cached;
  const iovec whole = {base, room};
  const ssize_t read = ::preadv2(fd.get(), &whole, 1, 0, RWF_NOWAIT);
  if (read < 0) return -errno;
  return read == size ? static_cast<int>(read) : -EAGAIN;  // evicted, cut or grown in between
}

}  // namespace ringpost
