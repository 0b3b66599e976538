// How many requests the engine takes, window by window. Engine's thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace ringpost {

class WorkRate {
 public:
  struct Window {
    uint64_t rate;  // requests in the time of a window
    bool few;       // requests, in however long a time
    bool idle;      // the engine was asleep, mostly
    bool several;   // clients were busy, not one
  };

  // So many requests were taken of a client.
  void Took(uint32_t client, uint32_t requests) {
    requests_ += requests;
    if (client >= clients_.size()) clients_.resize(client + 1);
    OfClient& of = clients_[client];
    if (of.window != window_) of = {.window = window_};
    const bool was_busy = of.requests >= kToStayBusy.requests;
    of.requests += requests;
    if (!was_busy && of.requests >= kToStayBusy.requests) busy_clients_++;
  }

  [[nodiscard]] bool EndsWindow(uint64_t now_ns) const { return now_ns - began_ns_ >= kWindowNs; }

  // The window that ends now; the next one begins. The engine's thread has had so much of a CPU
  // since it began.
  Window EndWindow(uint64_t now_ns, uint64_t cpu_ns) {
    const uint64_t length = now_ns - std::exchange(began_ns_, now_ns);
    const uint64_t used = cpu_ns - std::exchange(cpu_ns_, cpu_ns);
    const uint32_t requests = std::exchange(requests_, 0);
    const uint64_t rate = uint64_t{requests} * kWindowNs / length;
    const bool several = std::exchange(busy_clients_, 0) > 1;
    window_++;
    // Few requests may be much work, where each copies a megabyte.
    const Least& least = idle_ ? kToBeBusy : kToStayBusy;
    idle_ = length > kLongWindows * kWindowNs ||
            (rate < least.requests && used * 100 < length * least.cpu_percent);
    return {
        .rate = rate, .few = requests < kToStayBusy.requests, .idle = idle_, .several = several};
  }

 private:
  // Long against a wake-up, and short against what a person notices.
  static constexpr uint64_t kWindowNs = 3'000'000;
  // A window that ended so late was a sleep.
  static constexpr uint64_t kLongWindows = 4;

  // With less of both in a window, the engine is mostly idle. More is needed to be busy again than
  // to stay so: how it waits when it is idle changes what it gets.
  struct Least {
    uint32_t requests;
    uint32_t cpu_percent;
  };
  static constexpr Least kToStayBusy = {.requests = 12, .cpu_percent = 10};
  static constexpr Least kToBeBusy = {.requests = 16, .cpu_percent = 20};

  // What was taken of a client in the latest window in which there was something.
  struct OfClient {
    uint32_t window = 0;
    uint32_t requests = 0;
  };

  uint64_t began_ns_ = 0;
  uint64_t cpu_ns_ = 0;
  bool idle_ = true;
  uint32_t requests_ = 0;
  uint32_t window_ = 0;
  std::vector<OfClient> clients_;
  uint32_t busy_clients_ = 0;  // of this window
};

}  // namespace ringpost
