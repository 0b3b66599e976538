#include "hot_read.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <cerrno>

namespace ringpost {

namespace {

ssize_t ReadCached(int fd, uint8_t* base, size_t bytes, int64_t offset) {
  const iovec part = {base, bytes};
  const ssize_t read = ::preadv2(fd, &part, 1, offset, RWF_NOWAIT);
  return read < 0 ? -errno : read;
}

}  // namespace

int ReadHot(int fd, uint8_t* base, size_t bytes, int64_t offset) {
  // With O_DIRECT the flag means that the request isn't queued for long, and the call waits for the
  // device. Asked each time, as the number may be another file's by now.
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_DIRECT) != 0) return -EAGAIN;
  size_t done = 0;
  // A short read is the end of the file, or of what is cached: the next one tells which.
  while (done < bytes) {
    const ssize_t read =
        ReadCached(fd, base + done, bytes - done, offset + static_cast<int64_t>(done));
    if (read < 0) return static_cast<int>(read);
    if (read == 0) break;
    done += static_cast<size_t>(read);
  }
  return static_cast<int>(done);
}

}  // namespace ringpost
