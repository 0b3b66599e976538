// Whether the engine goes on looking for work, or sleeps. Engine's thread.
//
// To sleep and to be woken costs a system call on each side, and across CPUs some tens of
// microseconds; meanwhile all requests of a client march in step. To look takes a CPU, perhaps from
// the very client that is about to post. So the engine looks for as long as a wake-up would take,
// where that has paid of late.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "engine.h"

namespace ringpost {

namespace {

namespace wait_mode = protocol::wait_mode;

// How long the engine looks for requests before it parks: about as long as a wake-up across CPUs
// takes, so that a look also meets a client that has to be woken first. For completions no longer
// than a wake-up costs: who waits for a device waits longer than that, and a CPU that looks isn't
// free for it (an interrupt, a virtual disk's thread on the host). And how often between two looks
// at the clock.
constexpr std::chrono::microseconds kLongestLook{100};
constexpr std::chrono::microseconds kLongestLookForIo{30};
constexpr std::chrono::microseconds kLongestPoll{2000};  // wait: "poll"
constexpr int kLooksPerClock = 16;
// In hundredths of the requests that it gets when it polls. The other way takes less of the CPUs.
constexpr Trial::Needed kNotPolling = {.to_begin = 100, .to_stay = 95};
// So long between two looks at the clock, and somebody else has had this CPU: a thread of the
// kernel's, perhaps, that completes what is looked for.
constexpr std::chrono::microseconds kCrowded{300};
// Beside a submission thread: after so long it sleeps between two looks, and for how long. That
// thread, or a client, may be waiting for this very CPU; sched_yield would give it away for a whole
// time slice.
constexpr std::chrono::microseconds kUntilNaps{40};
constexpr timespec kNap = {.tv_sec = 0, .tv_nsec = 20'000};

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

bool Engine::StaysAwake(bool worked) {
  if (ring_.has_submission_thread() && !stopping_) return StaysAwakeAsLongAsItsThread(worked);
  if (worked) return true;
  if (stopping_) return false;
  // Who shares this CPU can't do meanwhile what is looked for.
  if (placement_.together()) return false;
  switch (wait_) {
    case wait_mode::kNotify:
      return false;
    case wait_mode::kPoll:
      return LooksWhereItPays(kLongestPoll);
    default:
      return LooksWhereItPays(in_flight_count_ > 0 ? kLongestLookForIo : kLongestLook);
  }
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
    Pause();
  } else {
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kNap, nullptr);
  }
  return true;
}

// Clients that settle a burst of replies will post again within microseconds, and a fast device
// with a queue completes every few. Looks in vain make the next ones rarer.
bool Engine::LooksWhereItPays(std::chrono::microseconds time) {
  RareLooks& looks = in_flight_count_ > 0 ? looks_for_io_ : looks_for_requests_;
  if (!looks.IsDue()) return false;
  const Clock::time_point end = Clock::now() + time;
  for (Clock::time_point now = Clock::now(); now < end;) {
    const bool found = Looks();
    const Clock::time_point before = std::exchange(now, Clock::now());
    if (now - before > kCrowded) {
      looks.Crowded();
      return found;
    }
    if (found) {
      looks.Paid();
      return true;
    }
  }
  looks.WasInVain();
  return false;
}

// wait: "poll". Who asks for it has CPUs to spare. But the device may need those very CPUs, where
// it is virtual, and then it gets more done where engine and clients wait as with "auto". Returns
// whether they are to wait in another way now.
bool Engine::TryNotToPoll(const WorkRate::Window& window) {
  const bool was_second = wait_ != options_.wait;
  const bool second = window.idle ? not_polling_.Interrupt()
                                  : not_polling_.EndWindow(window.rate, was_second, kNotPolling);
  wait_ = second ? wait_mode::kAuto : options_.wait;
  return second != was_second;
}

// For a microsecond or two.
bool Engine::Looks() const {
  for (int nth = 0; nth < kLooksPerClock; nth++) {
    if (HasWork()) return true;
    Pause();
  }
  return false;
}

bool Engine::HasWork() const {
  return HasRequests() || ring_.HasCompletion() || ring_.HasUnposted() || roster_->has_changes() ||
         calls_.has_done();
}

bool Engine::HasRequests() const {
  return std::any_of(active_.begin(), active_.end(), [this](uint32_t client) {
    return services_[client].serving && services_[client].requests.Available() > 0;
  });
}

}  // namespace ringpost
