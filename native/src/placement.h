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
// free as long as looking pays, and it doesn't wait for what the kernel works on: the kernel's
// threads may need its CPU, as those that write to the page cache. Otherwise both are tried
// (trial.h), and the engine is put together where it clearly got more requests so. Busy with
// several clients, it is free.
//
// Somebody else may bind this thread, too (taskset): those are the CPUs to choose from, then. That
// they are the very ones that it was bound to here, nobody can see.
#pragma once

#include <sched.h>

#include <cstdint>

#include "protocol.h"
#include "trial.h"
#include "work_rate.h"

namespace ringpost {

// sched_setaffinity of the calling thread, to all of these; a test puts its own in its place.
using BindCall = int (*)(const cpu_set_t& cpus);
// How often the calling thread was preempted so far; the same.
using PreemptionsCall = int64_t (*)();

struct PlacementOptions {
  enum class Mode : uint32_t {
    kAuto = protocol::placement_mode::kAuto,
    kFloat = protocol::placement_mode::kFloat,
    kColocate = protocol::placement_mode::kColocate,
    kSpread = protocol::placement_mode::kSpread,
    kList = protocol::placement_mode::kList,
  };

  Mode mode = Mode::kAuto;
  cpu_set_t list = {};           // kList: where it may run
  bool always_looks = false;     // it never sleeps while anything is due: kAuto is free
  BindCall bind_call = nullptr;  // nullptr: the system's
  PreemptionsCall preemptions_call = nullptr;  // the same
};

class Placement {
 public:
  // With the CPUs that the thread may run on. Returns 0 or -errno (-EINVAL: not all of the list
  // are among the process's).
  [[nodiscard]] int Begin(const PlacementOptions& options);

  // Where the thread may run now, beyond what it is bound to here for the time being. Empty: more
  // CPUs than a cpu_set_t holds.
  [[nodiscard]] cpu_set_t Cpus() const;

  // Whether engine and client share a CPU, so that neither can look for what the other does.
  [[nodiscard]] bool together() const { return together_; }

  // The doorbell was rung on this CPU.
  void Rung(int cpu) {
    if (cpu != rung_on_ && cpu >= 0) [[unlikely]]
      Follow(cpu);
    if (to_part_ && ::sched_getcpu() == cpu) [[unlikely]]
      Part();
  }

  // How the engine looks for work from now on.
  struct Looking {
    bool always;  // as PlacementOptions::always_looks
    bool pays;    // mostly
    bool for_io;  // it waits for what the kernel works on, whose threads may need this CPU
    bool tried;   // for some windows only: another trial has to wait
  };

  // After the requests of a round were taken, and a window ended with it. Returns whether
  // together() is another now.
  bool Decide(const WorkRate::Window& window, const Looking& looking);

 private:
  // What is done about where the engine is.
  enum class Policy : uint8_t { kNothing, kFollow, kAvoid, kPart, kTry };

  [[nodiscard]] static Policy PolicyOf(const PlacementOptions& options);
  [[nodiscard]] bool WasCrowded();
  [[nodiscard]] bool IsBoundByAnother() const;
  int Bind(const cpu_set_t& cpus);
  void Follow(int cpu);
  void Choose(bool together);
  void Resume(bool crowded);
  void Part();

  Policy policy_ = Policy::kNothing;
  BindCall bind_call_ = nullptr;
  PreemptionsCall preemptions_call_ = nullptr;
  cpu_set_t allowed_ = {};  // to choose from
  cpu_set_t bound_ = {};    // where it may run since it was last bound here
  bool together_ = false;
  bool to_part_ = false;  // busy, always looks, and has not parted from its client in this window
  int rung_on_ = -1;

  int64_t preemptions_ = 0;  // until this window began
  bool busy_ = false;
  Trial trial_;  // the first way is free, the second together
};

}  // namespace ringpost
