// Requests that a system call serves in the place of the ring (plain_calls.h): one thread carries
// them out, one after the other, so that the engine's thread waits for none. It is started with the
// first of them: where the ring can have every request, there is no such thread.
//
// They stand in two lists, linked through the requests themselves: those that wait for their turn,
// and those that are done. So there is room for as many as there are slots, and nothing is
// allocated. The request that is being carried out stands in neither, and ends by itself; its
// memory is held as the kernel's would be, until the engine has taken it from the second list.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "in_flight.h"
#include "plain_calls.h"
#include "roster.h"

namespace ringpost {

class CallThread {
 public:
  // Wakes the engine by the roster's doorbell and its parked word, which outlive this.
  CallThread(const Roster& roster, uint32_t& parked, PlainCall call)
      : roster_(roster), parked_(parked), call_(call) {}
  ~CallThread() { Stop(); }
  CallThread(const CallThread&) = delete;
  CallThread& operator=(const CallThread&) = delete;

  // --- The engine's thread ---

  [[nodiscard]] bool started() const { return started_; }
  // Where it may run, before it is started: the engine may be bound to one CPU just then
  // (placement.h), and it would inherit that.
  void UseCpus(const cpu_set_t& cpus) { cpus_ = cpus; }
  // Has a prepared request carried out. It is done at once, with -errno, where no thread is to be
  // had.
  void Add(InFlight* flight);
  // Takes a request out that is still waiting: it is done, with -ECANCELED. Any other ends by
  // itself.
  void Cancel(InFlight* flight);

  [[nodiscard]] bool has_done() const {
    return has_done_.load(
        std::memory_order_acquire);  // pairs with Finish; the mutex orders the rest
  }
  // S2 of handoff.h for this thread: Finish is the publish (W1), Run claims the wake (W2).
  [[nodiscard]] bool HasDoneOrdered() const { return has_done_.load(std::memory_order_seq_cst); }
  // All that are done: the first, and on by next_call. Each has its result in call_result.
  [[nodiscard]] InFlight* TakeDone();

  // Ends the thread when what waits is carried out. Blocks until then.
  void Stop();

 private:
  struct Line {
    InFlight* first = nullptr;
    InFlight* last = nullptr;

    void Push(InFlight* flight);
    InFlight* Pop();
    bool Remove(InFlight* flight);  // false: it isn't in this line
  };

  [[nodiscard]] int StartThread();
  void Run();
  void Finish(InFlight* flight, int32_t result);  // with the mutex held

  const Roster& roster_;
  uint32_t& parked_;
  const PlainCall call_;
  cpu_set_t cpus_ = {};  // none: more than there is room for, and it inherits the engine's
  pthread_t thread_{};
  bool started_ = false;  // the engine's thread alone asks

  std::atomic<bool> has_done_ = false;
  std::mutex mutex_;
  std::condition_variable wanted_;
  Line waiting_;
  Line done_;
  bool ending_ = false;
};

}  // namespace ringpost
