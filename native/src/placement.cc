#include "placement.h"

#include <sys/resource.h>

#include <cerrno>
#include <utility>

namespace ringpost {

namespace {

using Mode = PlacementOptions::Mode;
using Way = Trial::Way;

// What it has to get together, in hundredths of what it gets when it is free, which can't be worse
// than what the system does by itself. Where others may need its CPU, a sixth more is enough.
constexpr Trial::Needed kTogether = {.to_begin = 130, .to_stay = 115};
constexpr Trial::Needed kTogetherBesideOthers = {.to_begin = 115, .to_stay = 115};

// Preempted so often in a window, it shares its CPU with threads of the kernel's that do what it
// has asked for, each for some microseconds: it comes to 30 then. Alone with its client it comes to
// one, beside another busy thread to five or ten.
constexpr int64_t kCrowded = 12;

int64_t CountPreemptions() {
  rusage usage = {};
  (void)::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// Of CPUs that the process may not use the kernel says nothing, as long as there are others.
int BindThread(const cpu_set_t& cpus) {
  if (::sched_setaffinity(0, sizeof(cpus), &cpus) < 0) return -errno;
  cpu_set_t granted;
  if (::sched_getaffinity(0, sizeof(granted), &granted) < 0) return 0;  // as in Begin
  return CPU_EQUAL(&granted, &cpus) ? 0 : -EINVAL;
}

// Empty: more CPUs than a cpu_set_t holds (EINVAL). The engine runs wherever it is put.
cpu_set_t CpusOfThread() {
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof(cpus), &cpus) < 0) CPU_ZERO(&cpus);
  return cpus;
}

}  // namespace

int Placement::Begin(const PlacementOptions& options) {
  bind_call_ = options.bind_call != nullptr ? options.bind_call : BindThread;
  preemptions_call_ =
      options.preemptions_call != nullptr ? options.preemptions_call : CountPreemptions;
  allowed_ = CpusOfThread();
  bound_ = allowed_;
  const int cpus = CPU_COUNT(&allowed_);
  policy_ = cpus > 1 ? PolicyOf(options) : Policy::kNothing;
  together_ = cpus == 1 || policy_ == Policy::kFollow;
  return options.mode == Mode::kList ? Bind(options.list) : 0;
}

cpu_set_t Placement::Cpus() const {
  const bool is_bound_here = policy_ != Policy::kNothing && !IsBoundByAnother();
  return is_bound_here ? allowed_ : CpusOfThread();
}

bool Placement::IsBoundByAnother() const {
  const cpu_set_t cpus = CpusOfThread();
  return !CPU_EQUAL(&cpus, &bound_);
}

// Where somebody else has bound the thread it stays, until Decide takes that into account.
int Placement::Bind(const cpu_set_t& cpus) {
  if (IsBoundByAnother()) return 0;
  const int bound = bind_call_(cpus);
  bound_ = CpusOfThread();  // the system may have left some out (cpusets)
  return bound;
}

Placement::Policy Placement::PolicyOf(const PlacementOptions& options) {
  switch (options.mode) {
    case Mode::kAuto:
      return options.always_looks ? Policy::kPart : Policy::kTry;
    case Mode::kColocate:
      return Policy::kFollow;
    case Mode::kSpread:
      return Policy::kAvoid;
    default:
      return Policy::kNothing;
  }
}

void Placement::Follow(int cpu) {
  if (!CPU_ISSET(static_cast<size_t>(cpu), &allowed_)) return;
  rung_on_ = cpu;
  if (policy_ == Policy::kFollow || (policy_ == Policy::kTry && together_)) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(cpu), &one);
    (void)Bind(one);
  } else if (policy_ == Policy::kAvoid) {
    cpu_set_t others = allowed_;
    CPU_CLR(static_cast<size_t>(cpu), &others);
    (void)Bind(others);
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
  to_part_ = false;
  if (rung_on_ >= 0) {
    cpu_set_t others = allowed_;
    CPU_CLR(static_cast<size_t>(rung_on_), &others);
    (void)Bind(others);
  }
  (void)Bind(allowed_);
}

bool Placement::WasCrowded() {
  const int64_t before = std::exchange(preemptions_, preemptions_call_());
  return preemptions_ - before >= kCrowded;
}

bool Placement::Decide(const WorkRate::Window& window, const Looking& looking) {
  if (policy_ == Policy::kNothing) return false;
  if (IsBoundByAnother()) {
    allowed_ = CpusOfThread();
    bound_ = allowed_;
    rung_on_ = -1;  // the next doorbell says where
  }
  if (policy_ != Policy::kPart && policy_ != Policy::kTry) return false;
  const bool was_together = together_;
  const bool crowded = WasCrowded();
  const bool others = crowded || looking.for_io;
  const bool parts = policy_ == Policy::kPart || looking.always;
  to_part_ = parts && !window.idle;
  if (parts || window.several || window.idle) {
    busy_ = false;
    Choose(!parts && !window.several);
  } else if (!std::exchange(busy_, true)) {
    Resume(crowded);
  } else if (!looking.tried && (trial_.runs() || together_ || !looking.pays || others)) {
    // Otherwise nothing that could be gained together comes near.
    Choose(trial_.EndWindow(window.rate, together_ ? Way::kSecond : Way::kFirst,
                            others ? kTogetherBesideOthers : kTogether) == Way::kSecond);
  }
  return together_ != was_together;
}

// There is load, for one client, and the engine sleeps now and then: it goes where it was the last
// time. Where the kernel's workers have made it give way while it looked all the time, together is
// the likelier one.
void Placement::Resume(bool crowded) {
  const bool was_together = trial_.Abandon() == Way::kSecond;
  if (crowded && !was_together) trial_.Hurry();
  Choose(was_together || crowded);
}

}  // namespace ringpost
