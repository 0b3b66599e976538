// A client's waker that counts how often the engine called it, and calls the test in its turn.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "roster.h"

namespace ringpost {

class CountingWaker final : public ClientWaker {
 public:
  CountingWaker() = default;
  // Called on the engine's thread, in the middle of its round, with every Wake.
  explicit CountingWaker(std::function<void()> on_wake) : on_wake_(std::move(on_wake)) {}

  void Wake() override {
    wakes++;
    if (on_wake_) on_wake_();
  }
  void Orphan() override { orphaned++; }

  std::atomic<int> wakes = 0;
  std::atomic<int> orphaned = 0;

 private:
  const std::function<void()> on_wake_;
};

}  // namespace ringpost
