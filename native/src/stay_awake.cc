// Whether the engine goes on without sleeping, and what there may be to do. Engine's thread.
#include <time.h>

#include <algorithm>

#include "engine.h"

namespace ringpost {

namespace {

// Beside a submission thread: after so long it sleeps between two looks, and for how long. That
// thread, or a client, may be waiting for this very CPU; sched_yield would give it away for a whole
// time slice.
constexpr std::chrono::microseconds kUntilNaps{40};
constexpr timespec kNap = {.tv_sec = 0, .tv_nsec = 20'000};

}  // namespace

bool Engine::StaysAwake(bool worked) {
  if (ring_.has_submission_thread() && !stopping_) return StaysAwakeAsLongAsItsThread(worked);
  if (worked) return true;
  if (stopping_) return false;
  return waiting_.Look(has_io(), [this] { return HasWork(); });
}

// With a submission thread the engine stays awake for as long as that thread would: who wants to
// submit without a system call wants to complete without one.
bool Engine::StaysAwakeAsLongAsItsThread(bool worked) {
  const Clock::time_point now = Clock::now();
  if (worked) {
    last_work_ = now;
    return true;
  }
  const auto idle = std::chrono::milliseconds(options_.ring.submission_thread.idle_ms);
  if (now - last_work_ >= idle) return false;
  if (now - last_work_ < kUntilNaps) {
    PauseCpu();
  } else {
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kNap, nullptr);
  }
  return true;
}

bool Engine::HasWork() const {
  return HasRequests() || ring_.HasCompletion() || ring_.HasUnposted() || roster_->has_changes() ||
         calls_.has_done();
}

bool Engine::HasRequests() const {
  return std::any_of(active_.begin(), active_.end(), [this](uint32_t client) {
    const ClientService& service = services_[client];
    return service.serving && service.requests.Available() > 0 && !IsHeldBack(service);
  });
}

}  // namespace ringpost
