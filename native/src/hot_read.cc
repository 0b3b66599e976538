#include "hot_read.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "file_systems.h"
#include "file_types.h"
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

struct File {
  bool is_regular = false;
  int64_t size = 0;
  dev_t device = 0;
};

File FileOf(int fd) {
  struct statx status = {};
  if (!Describe(fd, &status, STATX_TYPE | STATX_SIZE)) return {};
  return {.is_regular = S_ISREG(status.stx_mode),
          .size = static_cast<int64_t>(status.stx_size),
          .device = makedev(status.stx_dev_major, status.stx_dev_minor)};
}

// Returns 0 where the page cache has all of these bytes, up to the end of the file; -EAGAIN where
// it hasn't, or -errno. What it lacks RWF_NOWAIT wouldn't wait for, but begin to read, and wait for
// what the file system has to look up for that. Nothing is cached of what is neither file nor disk:
// nobody reads here from a device that gives each byte once.
int CheckCached(int fd, int64_t offset, int64_t bytes) {
  CachestatRange range = {static_cast<uint64_t>(offset), static_cast<uint64_t>(bytes)};
  Cachestat pages = {};
  if (::syscall(kSysCachestat, fd, &range, &pages, 0) < 0) return -errno;
  if (pages.cached == 0) return -EAGAIN;
  if (pages.cached >= PagesOf(offset, bytes)) return 0;
  const File file = FileOf(fd);
  const int64_t left = file.is_regular ? file.size - offset : 0;
  return left > 0 && left < bytes && pages.cached >= PagesOf(offset, left) ? 0 : -EAGAIN;
}

int OpenCached(const char* path, int flags) {
  abi::OpenHow how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = abi::kResolveCached;
  const long fd = ::syscall(__NR_openat2, AT_FDCWD, path, &how, sizeof(how));
  if (fd >= 0) return static_cast<int>(fd);
  return errno == ENOENT ? -EAGAIN : -errno;  // of another path it may be had
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
    const File file = FileOf(fd);
    if (!file.is_regular || offset + read < file.size) return -EAGAIN;
  }
  return static_cast<int>(read);
}

int ReadHotFile(const char* path, uint8_t* base, size_t room) {
  // What it is, and where, comes first: to open a FIFO or a device has effects, and elsewhere an
  // open is a request to another machine or process.
  const int place = OpenCached(path, O_PATH);
  if (place < 0) return place;
  const File named = FileOf(UniqueFd(place).get());
  if (!named.is_regular) return -EAGAIN;
  if (FileSystemOf(named.device) != FileSystem::kLocal) return -EOPNOTSUPP;
  // Those of 0 bytes may be none.
  if (named.size == 0 || named.size >= static_cast<int64_t>(room)) return -EAGAIN;
  const int opened = OpenCached(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (opened < 0) return opened;
  const UniqueFd fd(opened);
  const File file = FileOf(fd.get());  // another one, perhaps
  if (!file.is_regular || file.size == 0 || file.size >= static_cast<int64_t>(room)) return -EAGAIN;
  if (const int cached = CheckCached(fd.get(), 0, file.size); cached < 0) return cached;
  const iovec whole = {base, static_cast<size_t>(file.size)};
  const ssize_t read = ::preadv2(fd.get(), &whole, 1, 0, RWF_NOWAIT);
  if (read < 0) return -errno;
  return read == file.size ? static_cast<int>(read) : -EAGAIN;  // evicted or cut in between
}

}  // namespace ringpost
