// Where a file may be opened without waiting for another machine, or another process.
#include "local_devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>

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

// By proc_pid_mountinfo(5): mount, parent, device, root, mount point, options, optional fields, a
// dash, type, source, options of the file system.
TEST(a_mount_is_local_by_the_type_behind_the_dash) {
  const dev_t disk = makedev(8, 17);
  const auto is_local = [disk](const char* line) { return IsLocalMount(line, disk); };
  CHECK(is_local("36 35 8:17 / /data rw,noatime - ext4 /dev/sdb1 rw\n"));
  CHECK(is_local("36 35 8:17 / /data rw shared:1 master:2 - xfs /dev/sdb1 rw,inode64\n"));
  CHECK(is_local("36 35 8:17 /a/b /data rw - f2fs /dev/sdb1 rw\n"));
  CHECK(!is_local("36 35 8:18 / /data rw - ext4 /dev/sdb2 rw\n"));
  CHECK(!is_local("36 35 8:17 / /data rw - fuseblk /dev/sdb1 rw\n"));
  CHECK(!is_local("36 35 8:17 / /data rw - ext4x /dev/sdb1 rw\n"));
  CHECK(!is_local("36 35 8:17 / /data rw\n"));
  CHECK(!is_local(""));
  // In a path each space is written \\040.
  CHECK(!is_local("36 35 8:17 / /a\\040-\\040ext4 rw - btrfs /dev/sdb1 rw\n"));
}

// What this machine has: each line by itself, and all of them by the device of its files.
TEST(the_files_of_a_local_mount_are_local) {
  FILE* mounts = std::fopen("/proc/self/mountinfo", "re");
  CHECK(mounts != nullptr);
  char line[8192];
  char where[4096];
  while (std::fgets(line, sizeof(line), mounts) != nullptr) {
    struct stat status = {};
    if (std::sscanf(line, "%*u %*u %*u:%*u %*s %4095s", where) != 1) continue;
    if (::stat(where, &status) < 0 || !IsLocalMount(line, status.st_dev)) continue;
    CHECK(OpensAtOnce(status.st_dev));
    CHECK(OpensAtOnce(status.st_dev));  // as it is known by now
  }
  std::fclose(mounts);
}

TEST(a_device_that_nobody_has_mounted_is_not_local) {
  CHECK(!OpensAtOnce(makedev(4000, 1)));
  CHECK(!OpensAtOnce(makedev(4000, 1)));  // as it is known by now
}

}  // namespace
}  // namespace ringpost
