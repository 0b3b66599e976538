#include "file_systems.h"

#include <sys/sysmacros.h>
#include <time.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>

namespace ringpost {

namespace {

// For so long an answer holds: by then another file system may be mounted from the device.
constexpr int64_t kHoldsS = 10;

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
  const bool is_served =
      type == "fuse" || type == "fuseblk" || type.starts_with("fuse.") || type == "virtiofs";
  return is_served ? FileSystem::kServed : FileSystem::kOther;
}

// Returns whether it could be found out.
bool LookUp(dev_t device, FileSystem* out) {
  FILE* mounts = std::fopen("/proc/self/mountinfo", "re");
  if (mounts == nullptr) return false;
  FileSystem found = FileSystem::kOther;
  char line[8192];
  while (found == FileSystem::kOther && std::fgets(line, sizeof(line), mounts) != nullptr) {
    found = FileSystemOfMount(line, device);
  }
  std::fclose(mounts);
  *out = found;
  return true;
}

}  // namespace

FileSystem FileSystemOfMount(const char* line, dev_t device) {
  unsigned found_major = 0;
  unsigned found_minor = 0;
  // Mount, its parent, device (proc_pid_mountinfo(5)); the type stands behind " - ".
  if (std::sscanf(line, "%*u %*u %u:%u", &found_major, &found_minor) != 2)
    return FileSystem::kOther;
  const char* dash = std::strstr(line, " - ");
  if (makedev(found_major, found_minor) != device || dash == nullptr) return FileSystem::kOther;
  const char* type = dash + 3;
  return FileSystemOfType({type, std::strcspn(type, " ")});
}

FileSystem FileSystemOf(dev_t device) {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  const int64_t now_s = NowS();
  const auto found = state.known.find(device);
  if (found != state.known.end() && now_s - found->second.since_s < kHoldsS) {
    return found->second.what;
  }
  FileSystem what = FileSystem::kOther;
  if (LookUp(device, &what)) state.known[device] = {.what = what, .since_s = now_s};
  return what;
}

}  // namespace ringpost
