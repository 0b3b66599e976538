#include "local_devices.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "unique_fd.h"

namespace ringpost {

namespace {

constexpr char kMountsPath[] = "/proc/self/mountinfo";

struct State {
  std::mutex mutex;
  UniqueFd mounts;                 // says when something is mounted or unmounted
  std::map<dev_t, bool> is_local;  // of those that were asked about since
};

// Never destroyed: threads may outlive the static objects of the process.
State& TheState() {
  static State& state = *new State;
  return state;
}

// What is mounted has changed, or nobody can tell: another file system may have a device by now.
bool HasChanged(int mounts) {
  pollfd changed = {.fd = mounts, .events = POLLPRI, .revents = 0};
  return mounts < 0 || ::poll(&changed, 1, 0) != 0;
}

// The type of a line stands behind " - ".
bool IsOfLocalType(const char* line) {
  const char* rest = std::strstr(line, " - ");
  if (rest == nullptr) return false;
  const std::string type(rest + 3, std::strcspn(rest + 3, " "));
  return type == "ext2" || type == "ext3" || type == "ext4" || type == "xfs" || type == "f2fs";
}

bool LookUp(dev_t device) {
  FILE* mounts = std::fopen(kMountsPath, "re");
  if (mounts == nullptr) return false;
  bool is_local = false;
  char line[8192];
  while (!is_local && std::fgets(line, sizeof(line), mounts) != nullptr) {
    is_local = IsLocalMount(line, device);
  }
  std::fclose(mounts);
  return is_local;
}

}  // namespace

bool IsLocalMount(const char* line, dev_t device) {
  unsigned found_major = 0;
  unsigned found_minor = 0;
  // Mount, its parent, device (proc_pid_mountinfo(5)).
  if (std::sscanf(line, "%*u %*u %u:%u", &found_major, &found_minor) != 2) return false;
  return makedev(found_major, found_minor) == device && IsOfLocalType(line);
}

bool OpensAtOnce(dev_t device) {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (HasChanged(state.mounts.get())) {
    state.is_local.clear();
    // Opened anew: it says each change once, and what comes from here on.
    state.mounts = UniqueFd(::open(kMountsPath, O_RDONLY | O_CLOEXEC));
    if (state.mounts.get() < 0) return false;
  }
  const auto found = state.is_local.find(device);
  if (found != state.is_local.end()) return found->second;
  return state.is_local[device] = LookUp(device);
}

}  // namespace ringpost
