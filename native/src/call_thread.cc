#include "call_thread.h"

#include <cerrno>
#include <csignal>

#include "handoff.h"

namespace ringpost {

void CallThread::Add(InFlight* flight) {
  flight->by_call = true;
  const int started = started_ ? 0 : StartThread();
  const std::lock_guard lock(mutex_);
  if (started < 0) return Finish(flight, started);
  waiting_.Push(flight);
  wanted_.notify_one();
}

void CallThread::Cancel(InFlight* flight) {
  const std::lock_guard lock(mutex_);
  if (waiting_.Remove(flight)) Finish(flight, -ECANCELED);
}

InFlight* CallThread::TakeDone() {
  const std::lock_guard lock(mutex_);
  has_done_.store(false, std::memory_order_relaxed);  // under the mutex, as Finish is
  return std::exchange(done_, {}).first;
}

void CallThread::Stop() {
  if (!std::exchange(started_, false)) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wanted_.notify_one();
  ::pthread_join(thread_, nullptr);
}

// Not std::thread, which would end the process where no thread is to be had. Signals are not for
// this thread: a handler would interrupt its calls.
int CallThread::StartThread() {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = ::pthread_create(
      &thread_, nullptr,
      [](void* self) -> void* {
        ::pthread_setname_np(::pthread_self(), "ringpost-calls");
        auto& calls = *static_cast<CallThread*>(self);
        (void)::sched_setaffinity(0, sizeof(calls.cpus_), &calls.cpus_);
        calls.Run();
        return nullptr;
      },
      this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_ = failed == 0;
  return -failed;
}

void CallThread::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [this] { return ending_ || waiting_.first != nullptr; });
    InFlight* const flight = waiting_.Pop();
    if (flight == nullptr) return;
    lock.unlock();
    const int32_t result = call_(flight->submission);
    lock.lock();
    Finish(flight, result);
    if (ClaimWake(parked_)) roster_.RingDoorbell();
  }
}

void CallThread::Finish(InFlight* flight, int32_t result) {
  flight->call_result = result;
  done_.Push(flight);
  has_done_.store(true, std::memory_order_seq_cst);  // pairs with HasDoneOrdered
}

void CallThread::Line::Push(InFlight* flight) {
  flight->next_call = nullptr;
  (first == nullptr ? first : last->next_call) = flight;
  last = flight;
}

InFlight* CallThread::Line::Pop() {
  InFlight* const flight = first;
  if (flight != nullptr) first = flight->next_call;
  return flight;
}

bool CallThread::Line::Remove(InFlight* flight) {
  InFlight* before = nullptr;
  InFlight* at = first;
  while (at != nullptr && at != flight) before = std::exchange(at, at->next_call);
  if (at == nullptr) return false;
  (before == nullptr ? first : before->next_call) = flight->next_call;
  if (last == flight) last = before;
  return true;
}

}  // namespace ringpost
