#include "placement.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringpost {

namespace {

using Mode = PlacementOptions::Mode;

// Fewer requests in a window, and the engine is mostly idle.
constexpr uint32_t kBusy = 12;
// A window that ended so late was a sleep.
constexpr uint64_t kLongWindows = 4;
// Windows of a trial: half of them together, half free, in turn.
constexpr uint32_t kTrialWindows = 6;
// The next trial comes after so many windows; after twice as many where it changes nothing, up to 3
// s.
constexpr uint32_t kLeastPatience = 32;
constexpr uint32_t kMostPatience = 1024;
// In hundredths of what it gets when it is free, which can't be worse than what the system does by
// itself: so much it has to get together to be put there, and to stay, or where it is crowded.
constexpr uint64_t kClearlyBetter = 130;
constexpr uint64_t kStillBetter = 115;
// Of what it gets together: so much when it is free, and one pair of windows is enough.
constexpr uint64_t kNoDoubt = 150;
// Of the rate when the choice was made: with less, it is made anew.
constexpr uint64_t kClearlyLess = 70;

// Preempted so often in a window, it shares its CPU with threads of the kernel's that do what it
// has asked for, each for some microseconds: it comes to 30 then. Alone with its client it comes to
// one, beside another busy thread to five or ten.
constexpr int64_t kCrowded = 12;

int64_t CountPreemptions() {
  rusage usage = {};
  (void)::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

int BindThread(const cpu_set_t& cpus) {
  return ::sched_setaffinity(0, sizeof(cpus), &cpus) < 0 ? -errno : 0;
}

}  // namespace

int Placement::Begin(const PlacementOptions& options) {
  mode_ = options.mode;
  bind_call_ = options.bind_call != nullptr ? options.bind_call : BindThread;
  if (mode_ == Mode::kFloat) return 0;
  if (mode_ == Mode::kList) return bind_call_(options.list);
  preemptions_call_ =
      options.preemptions_call != nullptr ? options.preemptions_call : CountPreemptions;
  // More CPUs than a cpu_set_t holds (EINVAL): the engine runs wherever it is put.
  if (::sched_getaffinity(0, sizeof(allowed_), &allowed_) < 0) {
    mode_ = Mode::kFloat;
    return 0;
  }
  if (CPU_COUNT(&allowed_) == 1) {
    mode_ = Mode::kFloat;
    together_ = true;
  }
  chooses_ = mode_ == Mode::kAuto;
  tries_ = chooses_ && !options.always_looks;
  parts_ = chooses_ && options.always_looks;
  if (mode_ == Mode::kColocate) together_ = true;
  return 0;
}

void Placement::Follow(int cpu) {
  if (!CPU_ISSET(static_cast<size_t>(cpu), &allowed_)) return;
  rung_on_ = cpu;
  if (mode_ == Mode::kColocate || (tries_ && together_)) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(cpu), &one);
    Bind(one);
  } else if (mode_ == Mode::kSpread) {
    cpu_set_t others = allowed_;
    CPU_CLR(static_cast<size_t>(cpu), &others);
    Bind(others);
  }
}

void Placement::Choose(bool together) {
  if (together == together_) return;
  together_ = together;
  if (together) {
    rung_on_ = -1;  // the next doorbell says where
  } else {
    Part();
  }
}

// Free, but away from the client's CPU first: where the system has put it, it would leave it.
void Placement::Part() {
  parts_ = false;
  if (rung_on_ >= 0) {
    cpu_set_t others = allowed_;
    CPU_CLR(static_cast<size_t>(rung_on_), &others);
    Bind(others);
  }
  Bind(allowed_);
}

bool Placement::WasCrowded() {
  const int64_t before = std::exchange(preemptions_, preemptions_call_());
  return preemptions_ - before >= kCrowded;
}

bool Placement::EndWindow(uint64_t now_ns, bool looks_pay) {
  const bool was_together = together_;
  const uint64_t length = now_ns - window_began_ns_;
  const uint64_t rate = uint64_t{requests_} * kWindowNs / length;
  const bool several = of_others_ * 8 > requests_;
  window_began_ns_ = now_ns;
  requests_ = 0;
  of_others_ = 0;
  const bool idle = length > kLongWindows * kWindowNs || rate < kBusy;
  if (!tries_) {
    parts_ = !idle;
    return false;
  }
  const bool crowded = WasCrowded();
  if (several || idle) {
    busy_ = false;
    Choose(!several);
  } else if (!std::exchange(busy_, true)) {
    // As it was the last time.
    trial_windows_ = 0;
    Choose(chosen_together_);
  } else if (trial_windows_ > 0) {
    ContinueTrial(rate, crowded);
  } else if (!together_ && looks_pay && !crowded) {
    // Nothing that could be gained together comes near.
  } else if (until_trial_ == 0 || rate * 100 < chosen_rate_ * kClearlyLess) {
    rate_together_ = 0;
    rate_free_ = 0;
    ContinueTrial(rate, crowded);
  } else {
    until_trial_--;
  }
  return together_ != was_together;
}

// The window that has just ended counts; the next one is the other's. Ends after some of each, or
// after one where being free is better beyond doubt.
void Placement::ContinueTrial(uint64_t rate, bool crowded) {
  (together_ ? rate_together_ : rate_free_) += rate;
  trial_windows_++;
  const bool paired = trial_windows_ % 2 == 0;
  const bool no_doubt = rate_free_ * 100 > rate_together_ * kNoDoubt;
  if (!paired || (trial_windows_ < kTrialWindows && !no_doubt)) {
    Choose(!together_);
    return;
  }
  const bool was_together = chosen_together_;
  const uint64_t needed = was_together || crowded ? kStillBetter : kClearlyBetter;
  chosen_together_ = rate_together_ * 100 > rate_free_ * needed;
  chosen_rate_ = (chosen_together_ ? rate_together_ : rate_free_) * 2 / trial_windows_;
  patience_ = chosen_together_ != was_together
                  ? kLeastPatience
                  : std::clamp(patience_ * 2, kLeastPatience, kMostPatience);
  until_trial_ = patience_;
  trial_windows_ = 0;
  Choose(chosen_together_);
}

}  // namespace ringpost
