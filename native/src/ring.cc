#include "ring.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <utility>

#include "histogram.h"

namespace ringpost {

namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

timespec Timespec(uint64_t ns) {
  return {static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond)};
}

}  // namespace

void Ring::Close() {
  if (report_.registered_ring_fd && fd_.valid()) {
    abi::RingFdUpdate update = {
        .offset = static_cast<uint32_t>(enter_fd_), .reserved = 0, .data = 0};
    Register(abi::kUnregisterRingFds, &update, 1);
  }
  rings_.Reset();
  sqes_.Reset();
  fd_.Reset();
  report_ = {};
  enter_flags_ = 0;
}

// Lets the kernel see what was pushed. Returns a flag for Enter where a thread has to be woken for
// it.
//
// A thread that goes to sleep says so, and looks at the tail once more: either it sees ours, or we
// see that it sleeps. Both of ours are sequentially consistent for that; they pair with the barrier
// in io_sq_thread (io_uring/sqpoll.c).
//
// One that has taken all there is sleeps on: woken for nothing, it would look for as long as it is
// told to, at every idle wait anew.
uint32_t Ring::Publish() {
  if (!has_submission_thread()) {
    StoreForKernel(sq_tail_, next_tail_);
    return 0;
  }
  std::atomic_ref(*sq_tail_).store(next_tail_, std::memory_order_seq_cst);
  const uint32_t flags = std::atomic_ref(*sq_flags_).load(std::memory_order_seq_cst);
  return (flags & abi::kSqNeedWakeup) != 0 && Pending() > 0 ? abi::kEnterSqWakeup : 0;
}

int Ring::Submit(uint32_t piece) {
  const uint32_t wake = Publish();
  if (has_submission_thread()) {
    // Once it is woken it takes all there is; it may have to wait for a CPU.
    const bool comes = wake != 0 && std::exchange(woken_for_, next_tail_) == next_tail_;
    const uint32_t flags = (comes ? 0 : wake) | (Overflowed() ? abi::kEnterGetevents : 0);
    return flags == 0 ? 0 : Enter(0, 0, flags, nullptr, 0);
  }
  while (Pending() > piece) {
    if (const int taken = Enter(piece, 0, 0, nullptr, 0); taken < 0) return taken;
  }
  // With DEFER_TASKRUN, finished work posts its completions only when we ask for events.
  const int taken = Enter(Pending(), 0, abi::kEnterGetevents, nullptr, 0);
  return taken < 0 ? taken : 0;
}

int Ring::MakeRoom() {
  if (!has_submission_thread()) return Submit();
  return Enter(0, 0, Publish() | abi::kEnterSqWait, nullptr, 0);
}

int Ring::SubmitAndWait(const WaitFor& wait) {
  if (!report_.extended_wait) return WaitByPpoll(wait.timeout_ns);
  const timespec ts = Timespec(wait.timeout_ns);
  const abi::GeteventsArg arg = {.sigmask = 0,
                                 .sigmask_size = 0,
                                 .min_wait_us = report_.min_wait ? wait.min_us : 0,
                                 .timespec = reinterpret_cast<uint64_t>(&ts)};
  const uint32_t completions = arg.min_wait_us > 0 ? wait.completions : 1;
  uint32_t flags = Publish() | abi::kEnterGetevents | abi::kEnterExtArg;
  if (!wait.for_io && (report_.features & abi::kFeatNoIowait) != 0) flags |= abi::kEnterNoIowait;
  const uint32_t to_submit = has_submission_thread() ? 0 : Pending();
  const int taken = Enter(to_submit, completions, flags, &arg, sizeof(arg));
  return taken < 0 ? taken : 0;
}

// Before Linux 5.11 an enter can't be given a time; the ring's descriptor is readable when
// completions are there.
int Ring::WaitByPpoll(uint64_t timeout_ns) {
  if (const int submitted = Submit(); submitted < 0) return submitted;
  pollfd readable = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const timespec ts = Timespec(timeout_ns);
  const int ready = ::ppoll(&readable, 1, &ts, nullptr);
  if (ready < 0) return -errno;
  if (ready == 0) return -ETIME;
  return Submit();
}

bool Ring::Overflowed() const { return (LoadFromKernel(sq_flags_) & abi::kSqCqOverflow) != 0; }

int Ring::RegisterFileTable(uint32_t count) {
  const abi::RsrcRegister table = {
      .count = count, .flags = abi::kRsrcRegisterSparse, .reserved = 0, .data = 0, .tags = 0};
  return Register(abi::kRegisterFiles2, &table, sizeof(table));
}

int Ring::RegisterBufferTable(uint32_t count) {
  const abi::RsrcRegister table = {
      .count = count, .flags = abi::kRsrcRegisterSparse, .reserved = 0, .data = 0, .tags = 0};
  return Register(abi::kRegisterBuffers2, &table, sizeof(table));
}

int Ring::UpdateBuffer(uint32_t index, uint8_t* base, uint64_t length) {
  const struct {
    uint64_t base;
    uint64_t length;
  } vector = {reinterpret_cast<uint64_t>(base), length};
  const abi::RsrcUpdate2 update = {.offset = index,
                                   .reserved = 0,
                                   .data = reinterpret_cast<uint64_t>(&vector),
                                   .tags = 0,
                                   .count = 1,
                                   .reserved2 = 0};
  const int updated = Register(abi::kRegisterBuffersUpdate, &update, sizeof(update));
  return updated < 0 ? updated : 0;
}

int Ring::Enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg,
                size_t arg_bytes) const {
  const long taken = ::syscall(__NR_io_uring_enter, enter_fd_, to_submit, min_complete,
                               flags | enter_flags_, arg, arg_bytes);
  if (counters_ != nullptr) CountEnter(taken);
  return taken < 0 ? -errno : static_cast<int>(taken);
}

// An enter says how many submissions it took, even where its wait ended otherwise.
void Ring::CountEnter(long taken) const {
  Count(counters_[protocol::engine_counter::kEnters]);
  if (taken <= 0) return;
  CountInto(counters_ + protocol::engine_counter::kEnterSizes, protocol::kBatchBuckets,
            static_cast<uint64_t>(taken));
}

int Ring::Register(uint32_t opcode, const void* arg, uint32_t count) const {
  const long done = ::syscall(__NR_io_uring_register, fd_.get(), opcode, arg, count);
  return done < 0 ? -errno : static_cast<int>(done);
}

}  // namespace ringpost
