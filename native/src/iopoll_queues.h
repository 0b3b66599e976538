#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

namespace ringpost {

// Whether a block device has queues that can be polled. Engine thread.
//
// Asked of sysfs, since the kernel doesn't always say: before Linux 6.10 a polled transfer of a
// device without such queues goes by interrupt without a word, and so do newer ones' writes that
// a file system finishes in a thread of its own.
class PollQueues {
 public:
  enum class Answer : uint8_t { kNo, kYes, kUnknown };

  // Where the kernel lists block devices by number.
  static constexpr const char* kDevices = "/sys/dev/block";

  explicit PollQueues(const char* devices = kDevices) : devices_(devices) {}

  // Unknown where sysfs isn't to be seen, or the number is no block device's (tmpfs, btrfs). Each
  // device is asked once: poll queues come with its driver, and stay as they are.
  [[nodiscard]] Answer Of(dev_t device);

 private:
  struct Known {
    dev_t device = 0;
    Answer answer = Answer::kUnknown;
    bool is_set = false;
  };

  const char* devices_;
  std::array<Known, 64> known_;
};

}  // namespace ringpost
