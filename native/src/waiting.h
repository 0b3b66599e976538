// How the engine waits for work, and on which CPU it runs meanwhile. Engine's thread.
//
// To sleep and to be woken costs a system call on each side, and across CPUs some tens of
// microseconds; meanwhile all requests of a client march in step. To look takes a CPU, perhaps from
// the very client that is about to post. So the engine looks for as long as a wake-up would take,
// where that has paid of late (rare_looks.h). Every few milliseconds (work_rate.h) it is considered
// anew where the engine is to run (placement.h), and by trials (trial.h) whether to look at all for
// what the kernel works on, and with `wait: "poll"` whether polling gets more done than that.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "placement.h"
#include "rare_looks.h"
#include "shared_memory.h"
#include "trial.h"
#include "work_rate.h"

namespace ringpost {

inline void PauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Waiting {
 public:
  // mode: protocol::wait_mode; mode_word: where clients read how they are to wait. Returns 0 or
  // -errno, as Placement::Begin.
  [[nodiscard]] int Begin(uint32_t mode, const PlacementOptions& placement, uint32_t* mode_word);

  // Whether engine and client share a CPU: neither can do anything while the other looks for it.
  [[nodiscard]] bool together() const { return placement_.together(); }

  // As Placement's.
  [[nodiscard]] cpu_set_t Cpus() const { return placement_.Cpus(); }

  // So many requests were taken of a client.
  void Took(uint32_t client, uint32_t requests) { work_rate_.Took(client, requests); }
  // Some were taken; now is a moment to decide anew.
  void EndRound(uint64_t now_ns) {
    if (work_rate_.EndsWindow(now_ns)) EndWindow(now_ns);
  }

  // There is nothing to do: looks for something where that pays. Returns whether there is now. If
  // not, it is time to sleep. for_io: the kernel works on something that ends by itself.
  template <typename HasWork>
  [[nodiscard]] bool Look(bool for_io, const HasWork& has_work) {
    if (for_io) waits_for_io_++;
    const std::chrono::nanoseconds longest = LongestLook(for_io);
    RareLooks& looks = for_io ? looks_for_io_ : looks_for_requests_;
    if (longest.count() == 0 || !looks.TakesTurn()) return false;
    const Clock::time_point end = Clock::now() + longest;
    for (Clock::time_point now = Clock::now(); now < end;) {
      const bool found = SpinUntil(has_work);
      const Clock::time_point before = std::exchange(now, Clock::now());
      if (now - before > kInterrupted) {
        looks.WasInterrupted();
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

  // It slept, and the doorbell was rung on this CPU last.
  void Woken(int rung_on) { placement_.Rung(rung_on); }

 private:
  using Clock = std::chrono::steady_clock;

  // How often is looked between two looks at the clock: for a microsecond or two.
  static constexpr int kLooksPerClock = 16;
  // So long between two looks at the clock, and somebody else has had this CPU: a thread of the
  // kernel's, perhaps, that completes what is looked for.
  static constexpr std::chrono::microseconds kInterrupted{300};

  template <typename HasWork>
  static bool SpinUntil(const HasWork& has_work) {
    for (int nth = 0; nth < kLooksPerClock; nth++) {
      if (has_work()) return true;
      PauseCpu();
    }
    return false;
  }

  [[nodiscard]] std::chrono::nanoseconds LongestLook(bool for_io) const;
  void EndWindow(uint64_t now_ns);
  void TryNotToPoll(const WorkRate::Window& window);
  void TryToSleep(const WorkRate::Window& window, bool for_io);
  void BeginAnew();

  uint32_t asked_for_ = 0;  // the wait mode of the program
  // The mode now: that one; or "auto" where it is "poll", "notify" where it is "auto", and a trial
  // got (nearly) as much done that way.
  uint32_t mode_ = 0;
  uint32_t* mode_word_ = nullptr;
  WorkRate work_rate_;
  Placement placement_;
  Trial poll_or_auto_;            // asked for "poll" alone
  Trial look_or_sleep_;           // asked for "auto" alone
  uint32_t waits_for_io_ = 0;     // in this window
  RareLooks looks_for_requests_;  // while the kernel has nothing that ends by itself
  RareLooks looks_for_io_;
};

}  // namespace ringpost
