// Where a file may be opened without waiting for another machine, or another process.
#include "local_devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "check.h"

namespace ringpost {
namespace {

dev_t DeviceOf(const char* path) {
  struct stat status = {};
  CHECK_EQ(::stat(path, &status), 0);
  return status.st_dev;
}

TEST(what_is_no_file_system_of_files_is_not_local) {
  CHECK(!OpensAtOnce(DeviceOf("/proc")));
  CHECK(!OpensAtOnce(DeviceOf("/sys")));
}

TEST(a_device_that_nobody_has_mounted_is_not_local) {
  CHECK(!OpensAtOnce(makedev(4000, 1)));
  CHECK(!OpensAtOnce(makedev(4000, 1)));  // as it is known by now
}

}  // namespace
}  // namespace ringpost
