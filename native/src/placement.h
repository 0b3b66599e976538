// On which CPU the engine's thread runs. Engine's thread; it binds no other one.
//
// A wake-up on the same CPU takes microseconds, across two some tens of them. But on the same CPU
// engine and client never work at the same time, and can't look for what the other does instead of
// sleeping. Which is better depends on what the client does between two requests, on the machine,
// and on who else is running: so it is tried.
//
//   together   bound to the CPU from which the doorbell was rung last; follows the client
//   free       wherever the system puts it; away from the client's CPU where it was put there
//
// Idle, the engine is together: its next request comes by the doorbell. Busy with one client, it is
// free as long as looking pays, and nobody else needs its CPU. Otherwise both are tried in turn,
// some milliseconds each, and the engine is put together where it clearly got more requests so; the
// longer a choice holds, the rarer are the trials. Busy with several clients, it is free.
#pragma once

#include <sched.h>

#include <cstdint>

namespace ringpost {

// sched_setaffinity of the calling thread; a test puts its own in its place.
using BindCall = int (*)(const cpu_set_t& cpus);
// How often the calling thread was preempted so far; the same.
using PreemptionsCall = int64_t (*)();

struct PlacementOptions {
  enum class Mode : uint8_t { kAuto, kFloat, kColocate, kSpread, kList };

  Mode mode = Mode::kAuto;
  cpu_set_t list = {};           // kList: where it may run
  bool always_looks = false;     // it never sleeps while anything is due: kAuto is free
  BindCall bind_call = nullptr;  // nullptr: the system's
  PreemptionsCall preemptions_call = nullptr;  // the same
};

class Placement {
 public:
  // With the CPUs that the thread may run on. Returns 0 or -errno (-EINVAL: none of the list is
  // among the process's).
  [[nodiscard]] int Begin(const PlacementOptions& options);

  // Whether engine and client share a CPU, so that neither can look for what the other does.
  [[nodiscard]] bool together() const { return together_; }

  // The doorbell was rung on this CPU.
  void Rung(int cpu) {
    if (cpu != rung_on_ && cpu >= 0) [[unlikely]]
      Follow(cpu);
    if (parts_ && ::sched_getcpu() == cpu) [[unlikely]]
      Part();
  }

  // So many requests were taken of a client.
  void Took(uint32_t client, uint32_t requests) {
    if (requests_ == 0) client_ = client;
    requests_ += requests;
    if (client != client_) of_others_ += requests;
  }
  // After the requests of a round were taken. Returns whether together() is another now.
  bool Decide(uint64_t now_ns, bool looks_pay) {
    return now_ns - window_began_ns_ >= kWindowNs && chooses_ && EndWindow(now_ns, looks_pay);
  }

 private:
  // Long against a wake-up, and short against what a person notices.
  static constexpr uint64_t kWindowNs = 3'000'000;

  [[nodiscard]] bool WasCrowded();
  bool EndWindow(uint64_t now_ns, bool looks_pay);
  void ContinueTrial(uint64_t rate, bool crowded);
  void Follow(int cpu);
  void Choose(bool together);
  void Part();
  void Bind(const cpu_set_t& cpus) const { (void)bind_call_(cpus); }

  PlacementOptions::Mode mode_ = PlacementOptions::Mode::kFloat;
  BindCall bind_call_ = nullptr;
  PreemptionsCall preemptions_call_ = nullptr;
  cpu_set_t allowed_ = {};
  bool chooses_ = false;  // kAuto
  bool tries_ = false;    // kAuto, and sleeps
  bool parts_ = false;    // kAuto, never sleeps, is busy, and has not parted in this window yet
  bool together_ = false;
  int rung_on_ = -1;

  // This window.
  uint64_t window_began_ns_ = 0;
  uint32_t requests_ = 0;
  uint32_t client_ = 0;  // who came first
  uint32_t of_others_ = 0;
  int64_t preemptions_ = 0;  // until it began

  // The trial, and when the next one begins: in windows. Rates are requests per window.
  bool busy_ = false;
  uint32_t trial_windows_ = 0;  // of this trial so far; 0: there is none
  uint64_t rate_together_ = 0;
  uint64_t rate_free_ = 0;
  bool chosen_together_ = false;
  uint64_t chosen_rate_ = 0;
  uint32_t patience_ = 0;  // how long the choice is left alone
  uint32_t until_trial_ = 0;
};

}  // namespace ringpost
