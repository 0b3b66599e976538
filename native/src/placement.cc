#include "placement.h"

#include <sys/resource.h>

#include <cerrno>
#include <utility>

namespace ringpost {

namespace {

using Mode = PlacementOptions::Mode;

// What it has to get together, in hundredths of what it gets when it is free, which can't be worse
// than what the system does by itself. Where it is crowded, a sixth more is enough.
constexpr Trial::Needed kTogether = {.to_begin = 130, .to_stay = 115};
constexpr Trial::Needed kTogetherInACrowd = {.to_begin = 115, .to_stay = 115};

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

bool Placement::Decide(const WorkRate::Window& window, bool looks_pay) {
  if (!chooses_) return false;
  if (!tries_) {
    parts_ = !window.idle;
    return false;
  }
  const bool was_together = together_;
  const bool crowded = WasCrowded();
  if (window.several || window.idle) {
    busy_ = false;
    Choose(!window.several);
  } else if (!std::exchange(busy_, true)) {
    // As it was the last time.
    Choose(trial_.Interrupt());
  } else if (trial_.runs() || together_ || !looks_pay || crowded) {
    Choose(trial_.EndWindow(window.rate, together_, crowded ? kTogetherInACrowd : kTogether));
  } else {
    // Nothing that could be gained together comes near.
  }
  return together_ != was_together;
}

}  // namespace ringpost
