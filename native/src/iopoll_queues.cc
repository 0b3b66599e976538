#include "iopoll_queues.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>

#include "unique_fd.h"

namespace ringpost {

namespace {

// A partition has no queue of its own: that of its disk lies a folder above.
constexpr const char* kQueueFolders[] = {"queue", "../queue"};

PollQueues::Answer Ask(const char* devices, dev_t device) {
  for (const char* folder : kQueueFolders) {
    char path[256];
    std::snprintf(path, sizeof(path), "%s/%u:%u/%s/io_poll", devices, major(device), minor(device),
                  folder);
    const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
    char digit = 0;
    if (!file.valid() || ::read(file.get(), &digit, 1) != 1) continue;
    return digit == '0' ? PollQueues::Answer::kNo : PollQueues::Answer::kYes;
  }
  return PollQueues::Answer::kUnknown;
}

}  // namespace

PollQueues::Answer PollQueues::Of(dev_t device) {
  Known& known = known_[(major(device) * 31 + minor(device)) % known_.size()];
  if (!known.is_set || known.device != device) known = {device, Ask(devices_, device), true};
  return known.answer;
}

}  // namespace ringpost
