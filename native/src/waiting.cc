#include "waiting.h"

#include <time.h>

#include "handoff.h"

namespace ringpost {

namespace {

namespace wait_mode = protocol::wait_mode;

// How long the engine looks for requests before it parks: about as long as a wake-up across CPUs
// takes, so that a look also meets a client that has to be woken first. For completions no longer
// than a wake-up costs: who waits for a device waits longer than that, and a CPU that looks isn't
// free for it (an interrupt, a virtual disk's thread on the host).
constexpr std::chrono::microseconds kLongestLook{100};
constexpr std::chrono::microseconds kLongestLookForIo{30};
constexpr std::chrono::microseconds kLongestPoll{2000};  // wait: "poll"

// What "auto" has to get, in hundredths of the requests that polling gets. It takes less of the
// CPUs.
constexpr Trial::Needed kNotPolling = {.to_begin = 100, .to_stay = 95};

// What has to be got asleep, in hundredths of what looking gets, for what the kernel works on. To
// look takes more of the CPUs. Measured, it is 40 to 66 with one or two requests at a time, and 95
// to 100 with more; a window of a busy device differs from the next by 15.
constexpr Trial::Needed kSleeping = {.to_begin = 80, .to_stay = 75};

// With so many waits for that in a window, it is what the engine waits for.
constexpr uint32_t kManyWaitsForIo = 4;

uint64_t ThreadCpuNs() {
  timespec time = {};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

int Waiting::Begin(uint32_t mode, const PlacementOptions& placement, uint32_t* mode_word) {
  asked_for_ = mode;
  mode_ = mode;
  mode_word_ = mode_word;
  if (const int placed = placement_.Begin(placement); placed < 0) return placed;
  BeginAnew();
  return 0;
}

// How the engine and its clients wait has changed: whether looking pays is to be learned anew.
void Waiting::BeginAnew() {
  looks_for_requests_ = {};
  looks_for_io_ = {};
  StoreOrdered(*mode_word_, placement_.together() ? wait_mode::kNotify : mode_);
}

void Waiting::EndWindow(uint64_t now_ns) {
  const WorkRate::Window window = work_rate_.EndWindow(now_ns, ThreadCpuNs());
  const bool for_io = std::exchange(waits_for_io_, 0) >= kManyWaitsForIo;
  const uint32_t mode_before = mode_;
  if (asked_for_ == wait_mode::kPoll) TryNotToPoll(window);
  if (asked_for_ == wait_mode::kAuto) TryToSleep(window, for_io);
  const bool moved =
      placement_.Decide(window, {.always = mode_ == wait_mode::kPoll,
                                 .pays = looks_for_requests_.pays(),
                                 .for_io = for_io,
                                 .tried = poll_or_auto_.runs() || look_or_sleep_.runs()});
  if (moved || mode_ != mode_before) BeginAnew();
}

// Who asks for "poll" has CPUs to spare. But the device may need those very CPUs, where it is
// virtual, or the kernel's workers: then more gets done where engine and clients wait as with
// "auto", placement included.
void Waiting::TryNotToPoll(const WorkRate::Window& window) {
  using Way = Trial::Way;
  const Way way = mode_ == wait_mode::kPoll ? Way::kFirst : Way::kSecond;
  const Way next =
      window.few ? poll_or_auto_.Abandon() : poll_or_auto_.EndWindow(window.rate, way, kNotPolling);
  mode_ = next == Way::kFirst ? wait_mode::kPoll : wait_mode::kAuto;
}

// A device is waited for longer than a wake-up takes, and with some requests under way it has
// something to do meanwhile: then looking gets no more done, and takes CPUs that others could use.
// Where hardly anything is waited for that the kernel works on, it looks.
void Waiting::TryToSleep(const WorkRate::Window& window, bool for_io) {
  using Way = Trial::Way;
  if (!for_io || placement_.together()) {
    look_or_sleep_.Abandon();
    mode_ = wait_mode::kAuto;
    return;
  }
  const Way way = mode_ == wait_mode::kAuto ? Way::kFirst : Way::kSecond;
  const Way next =
      window.few ? look_or_sleep_.Abandon() : look_or_sleep_.EndWindow(window.rate, way, kSleeping);
  mode_ = next == Way::kFirst ? wait_mode::kAuto : wait_mode::kNotify;
}

std::chrono::nanoseconds Waiting::LongestLook(bool for_io) const {
  if (placement_.together()) return {};
  switch (mode_) {
    case wait_mode::kNotify:
      return {};
    case wait_mode::kPoll:
      return kLongestPoll;
    default:
      return for_io ? kLongestLookForIo : kLongestLook;
  }
}

}  // namespace ringpost
