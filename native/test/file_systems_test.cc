// Whose files can be had without waiting for another machine, or another process.
#include "file_systems.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "check.h"
#include "unique_fd.h"

namespace ringpost {
namespace {

dev_t DeviceOf(const char* path) {
  struct stat status = {};
  CHECK_EQ(::stat(path, &status), 0);
  return status.st_dev;
}

TEST(what_is_no_file_system_of_files_is_not_local) {
  CHECK(FileSystemOf(DeviceOf("/proc")) == FileSystem::kOther);
  CHECK(FileSystemOf(DeviceOf("/sys")) == FileSystem::kOther);
}

// By proc_pid_mountinfo(5): mount, parent, device, root, mount point, options, optional fields, a
// dash, type, source, options of the file system.
TEST(a_mount_is_what_it_is_by_the_type_behind_the_dash) {
  const dev_t disk = makedev(8, 17);
  const auto is = [disk](FileSystem kind, const char* line) {
    return FileSystemOfMount(line, disk) == kind;
  };
  const auto is_local = [&](const char* line) { return is(FileSystem::kLocal, line); };
  const auto is_served = [&](const char* line) { return is(FileSystem::kServed, line); };
  CHECK(is_local("36 35 8:17 / /data rw,noatime - ext4 /dev/sdb1 rw\n"));
  CHECK(is_local("36 35 8:17 / /data rw shared:1 master:2 - xfs /dev/sdb1 rw,inode64\n"));
  CHECK(is_local("36 35 8:17 /a/b /data rw - f2fs /dev/sdb1 rw\n"));
  CHECK(!is_local("36 35 8:18 / /data rw - ext4 /dev/sdb2 rw\n"));
  CHECK(is_served("36 35 8:17 / /data rw - fuseblk /dev/sdb1 rw\n"));
  CHECK(is_served("36 35 8:17 / /data rw - fuse.sshfs host:/ rw\n"));
  CHECK(is_served("36 35 8:17 / /data rw - virtiofs tag rw\n"));
  CHECK(!is_served("36 35 8:18 / /data rw - fuse host:/ rw\n"));
  CHECK(is(FileSystem::kRemote, "36 35 8:17 / /data rw - nfs4 host:/data rw,vers=4.2\n"));
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
  while (std::fgets(line, sizeof(line), mounts) != nullptr) {
    unsigned of_major = 0;
    unsigned of_minor = 0;
    if (std::sscanf(line, "%*u %*u %u:%u", &of_major, &of_minor) != 2) continue;
    const dev_t device = makedev(of_major, of_minor);
    if (FileSystemOfMount(line, device) != FileSystem::kLocal) continue;
    CHECK(FileSystemOf(device) == FileSystem::kLocal);
    CHECK(FileSystemOf(device) == FileSystem::kLocal);  // as it is known by now
  }
  std::fclose(mounts);
}

// The last file system mounted at a path, without asking whoever has its files; 0 where none is.
dev_t DeviceMountedAt(const char* path) {
  FILE* mounts = std::fopen("/proc/self/mountinfo", "re");
  CHECK(mounts != nullptr);
  const std::string place = std::string(" / ") + path + " ";
  dev_t device = 0;
  char line[8192];
  while (std::fgets(line, sizeof(line), mounts) != nullptr) {
    unsigned of_major = 0;
    unsigned of_minor = 0;
    if (std::sscanf(line, "%*u %*u %u:%u", &of_major, &of_minor) != 2) continue;
    if (std::strstr(line, place.c_str()) != nullptr) device = makedev(of_major, of_minor);
  }
  std::fclose(mounts);
  return device;
}

TEST(a_number_that_another_file_system_has_now_is_looked_at_again) {
  char folder[] = "/tmp/ringpost-mounts-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const UniqueFd server(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  const std::string options =
      "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(server.get());
  if (!server.valid() || ::mount("none", folder, "tmpfs", 0, nullptr) != 0) {
    (void)::rmdir(folder);
    SKIP("may not mount");
  }
  const dev_t first = DeviceMountedAt(folder);
  CHECK(FileSystemOf(first) == FileSystem::kOther);
  CHECK_EQ(::umount2(folder, MNT_DETACH), 0);
  if (::mount("none", folder, "fuse", 0, options.c_str()) != 0) {
    (void)::rmdir(folder);
    SKIP("may not mount FUSE");
  }
  const dev_t second = DeviceMountedAt(folder);
  (void)::usleep(1'100'000);  // its mounts are looked at each second
  const FileSystem found = FileSystemOf(second);
  CHECK_EQ(::umount2(folder, MNT_DETACH), 0);
  CHECK_EQ(::rmdir(folder), 0);
  if (second != first) SKIP("the second mount has a number of its own");
  CHECK(found == FileSystem::kServed);
}

TEST(a_device_that_nobody_has_mounted_is_not_local) {
  CHECK(FileSystemOf(makedev(4000, 1)) == FileSystem::kOther);
  CHECK(FileSystemOf(makedev(4000, 1)) == FileSystem::kOther);  // as it is known by now
}

}  // namespace
}  // namespace ringpost
