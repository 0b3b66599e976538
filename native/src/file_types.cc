#include "file_types.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace ringpost {

namespace {

// S_IFREG and the like, 0 of what is none of them (an eventfd, say); negative where it isn't open.
int32_t FileTypeOf(int32_t fd) {
  struct statx status = {};
  return Describe(fd, &status) ? status.stx_mode & S_IFMT : -1;
}

}  // namespace

bool Describe(int32_t fd, struct statx* out, uint32_t mask) {
  return fd >= 0 && ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, out) == 0;
}

bool IsFileOrDisk(int32_t fd) {
  const int32_t type = FileTypeOf(fd);
  return type == S_IFREG || type == S_IFBLK;
}

bool MayWait(int32_t fd) {
  const int32_t type = FileTypeOf(fd);
  return type >= 0 && type != S_IFREG && type != S_IFDIR && type != S_IFBLK;
}

}  // namespace ringpost
