#include "file_systems.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

namespace ringpost {

namespace {

// For so long an answer holds: by then another file system may have the device's number. (To be
// told of changes costs a descriptor for as long as the process runs.)
constexpr int64_t kHoldsS = 1;

struct Known {
  FileSystem what;
  int64_t since_s;
};

struct State {
  std::mutex mutex;
  std::map<dev_t, Known> known;  // of the devices that were asked about
};

// Never destroyed: threads may outlive the static objects of the process.
State& TheState() {
  static State& state = *new State;
  return state;
}

int64_t NowS() {
  timespec now = {};
  (void)::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

FileSystem FileSystemOfType(std::string_view type) {
  for (const std::string_view local : {"ext2", "ext3", "ext4", "xfs", "f2fs"}) {
    if (type == local) return FileSystem::kLocal;
  }
  for (const std::string_view remote :
       {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "gfs2", "ocfs2", "lustre"}) {
    if (type == remote) return FileSystem::kRemote;
  }
  const bool is_served =
      type == "fuse" || type == "fuseblk" || type.starts_with("fuse.") || type == "virtiofs";
  return is_served ? FileSystem::kServed : FileSystem::kOther;
}

// Calls with each line, until one says that it is enough. Returns whether the file could be read.
template <typename IsEnough>
bool ReadMounts(const IsEnough& is_enough) {
  FILE* mounts = std::fopen("/proc/self/mountinfo", "re");
  if (mounts == nullptr) return false;
  char line[8192];
  while (std::fgets(line, sizeof(line), mounts) != nullptr && !is_enough(line)) {
  }
  std::fclose(mounts);
  return true;
}

// By proc_pid_mountinfo(5) the type stands behind " - ".
FileSystem FileSystemOfLine(const char* line) {
  const char* dash = std::strstr(line, " - ");
  if (dash == nullptr) return FileSystem::kOther;
  return FileSystemOfType({dash + 3, std::strcspn(dash + 3, " ")});
}

// Mount, its parent, device.
bool IsOfDevice(const char* line, dev_t device) {
  unsigned found_major = 0;
  unsigned found_minor = 0;
  const bool has_device = std::sscanf(line, "%*u %*u %u:%u", &found_major, &found_minor) == 2;
  return has_device && makedev(found_major, found_minor) == device;
}

}  // namespace

FileSystem FileSystemOfMount(const char* line, dev_t device) {
  return IsOfDevice(line, device) ? FileSystemOfLine(line) : FileSystem::kOther;
}

Mounts::Mounts() : list_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

// proc_pid_mountinfo(5): what has changed since it was opened, or last polled, is an error to poll.
bool Mounts::HaveChanged() {
  if (!std::exchange(asked_, true) || !list_.valid()) return true;
  pollfd changes = {.fd = list_.get(), .events = POLLPRI, .revents = 0};
  return ::poll(&changes, 1, 0) != 0;
}

bool MountedKinds(uint32_t* kinds) {
  uint32_t found = 0;
  const bool is_known = ReadMounts([&](const char* line) {
    found |= KindBit(FileSystemOfLine(line));
    return false;
  });
  if (is_known) *kinds = found;
  return is_known;
}

FileSystem FileSystemOf(dev_t device) {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  const int64_t now_s = NowS();
  const auto found = state.known.find(device);
  if (found != state.known.end() && now_s - found->second.since_s < kHoldsS) {
    return found->second.what;
  }
  // One that is unmounted may be in use still (umount -l), and is what it was.
  FileSystem what = found != state.known.end() ? found->second.what : FileSystem::kOther;
  const bool is_known = ReadMounts([&](const char* line) {
    if (!IsOfDevice(line, device)) return false;
    what = FileSystemOfLine(line);
    return what != FileSystem::kOther;
  });
  if (is_known) state.known[device] = {.what = what, .since_s = now_s};
  return what;
}

}  // namespace ringpost
