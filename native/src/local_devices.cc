#include "local_devices.h"

#include <sys/sysmacros.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace ringpost {

namespace {

struct State {
  std::mutex mutex;
  std::map<dev_t, bool> is_local;  // of those that were asked about
};

// Never destroyed: threads may outlive the static objects of the process.
State& TheState() {
  static State& state = *new State;
  return state;
}

// The type of a line stands behind " - ".
bool IsOfLocalType(const char* line) {
  const char* rest = std::strstr(line, " - ");
  if (rest == nullptr) return false;
  const std::string type(rest + 3, std::strcspn(rest + 3, " "));
  return type == "ext2" || type == "ext3" || type == "ext4" || type == "xfs" || type == "f2fs";
}

bool LookUp(dev_t device) {
  FILE* mounts = std::fopen("/proc/self/mountinfo", "re");
  if (mounts == nullptr) return false;
  bool is_local = false;
  char line[8192];
  while (!is_local && std::fgets(line, sizeof(line), mounts) != nullptr) {
    unsigned found_major = 0;
    unsigned found_minor = 0;
    // Mount, its parent, device (proc_pid_mountinfo(5)).
    if (std::sscanf(line, "%*u %*u %u:%u", &found_major, &found_minor) != 2) continue;
    is_local = makedev(found_major, found_minor) == device && IsOfLocalType(line);
  }
  std::fclose(mounts);
  return is_local;
}

}  // namespace

bool OpensAtOnce(dev_t device) {
  State& state = TheState();
  const std::lock_guard<std::mutex> lock(state.mutex);
  const auto found = state.is_local.find(device);
  if (found != state.is_local.end()) return found->second;
  return state.is_local[device] = LookUp(device);
}

}  // namespace ringpost
