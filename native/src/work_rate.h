// How many requests the engine takes, window by window. Engine's thread.
#pragma once

#include <cstdint>
#include <utility>

namespace ringpost {

class WorkRate {
 public:
  struct Window {
    uint64_t rate;  // requests in the time of a window
    bool idle;      // mostly
    bool several;   // clients were busy, not one
  };

  // So many requests were taken of a client.
  void Took(uint32_t client, uint32_t requests) {
    if (requests_ == 0) client_ = client;
    requests_ += requests;
    if (client != client_) of_others_ += requests;
  }

  [[nodiscard]] bool EndsWindow(uint64_t now_ns) const { return now_ns - began_ns_ >= kWindowNs; }

  // The window that ends now; the next one begins.
  Window EndWindow(uint64_t now_ns) {
    const uint64_t length = now_ns - std::exchange(began_ns_, now_ns);
    const uint32_t requests = std::exchange(requests_, 0);
    const uint64_t rate = uint64_t{requests} * kWindowNs / length;
    const bool several = std::exchange(of_others_, 0) * 8 > requests;
    return {.rate = rate,
            .idle = length > kLongWindows * kWindowNs || rate < kBusy,
            .several = several};
  }

 private:
  // Long against a wake-up, and short against what a person notices.
  static constexpr uint64_t kWindowNs = 3'000'000;
  // A window that ended so late was a sleep.
  static constexpr uint64_t kLongWindows = 4;
  // Fewer requests in a window, and the engine is mostly idle.
  static constexpr uint64_t kBusy = 12;

  uint64_t began_ns_ = 0;
  uint32_t requests_ = 0;
  uint32_t client_ = 0;  // who came first
  uint32_t of_others_ = 0;
};

}  // namespace ringpost
