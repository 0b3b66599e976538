// How many requests the engine takes, window by window. Engine's thread.
#pragma once

#include <cstdint>
#include <utility>

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
    if (requests_ == 0) client_ = client;
    requests_ += requests;
    if (client != client_) of_others_ += requests;
  }

  [[nodiscard]] bool EndsWindow(uint64_t now_ns) const { return now_ns - began_ns_ >= kWindowNs; }

  // The window that ends now; the next one begins. The engine's thread has had so much of a CPU
  // since it began.
  Window EndWindow(uint64_t now_ns, uint64_t cpu_ns) {
    const uint64_t length = now_ns - std::exchange(began_ns_, now_ns);
    const uint64_t used = cpu_ns - std::exchange(cpu_ns_, cpu_ns);
    const uint32_t requests = std::exchange(requests_, 0);
    const uint64_t rate = uint64_t{requests} * kWindowNs / length;
    const bool several = std::exchange(of_others_, 0) * 8 > requests;
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

  uint64_t began_ns_ = 0;
  uint64_t cpu_ns_ = 0;
  bool idle_ = true;
  uint32_t requests_ = 0;
  uint32_t client_ = 0;  // who came first
  uint32_t of_others_ = 0;
};

}  // namespace ringpost
