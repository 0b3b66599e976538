#include "ring.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <iterator>

#include "histogram.h"

namespace ringpost {

namespace {

using abi::Cqe;
using abi::Sqe;

// Steps of the ladder, newest first: each is dropped when the kernel says EINVAL, and stays
// dropped.
constexpr uint32_t kLadder[] = {
    abi::kSetupNoSqarray,                               // 6.6
    abi::kSetupDeferTaskrun,                            // 6.1
    abi::kSetupSingleIssuer | abi::kSetupDeferTaskrun,  // 6.0; DEFER_TASKRUN needs it
    abi::kSetupCoopTaskrun,                             // 5.19
    abi::kSetupSubmitAll,                               // 5.18
    abi::kSetupClamp,                                   // 5.6
};

constexpr uint32_t kWantedSetup = abi::kSetupCqsize | abi::kSetupClamp | abi::kSetupSubmitAll |
                                  abi::kSetupCoopTaskrun | abi::kSetupSingleIssuer |
                                  abi::kSetupDeferTaskrun | abi::kSetupNoSqarray;

// Without these (Linux 5.6) a promise of ours can't be kept: completions are never dropped, a
// submission's arguments may be reused after Enter, and position -1 means the file's own offset.
constexpr uint32_t kNeededFeatures =
    abi::kFeatSingleMmap | abi::kFeatNodrop | abi::kFeatSubmitStable | abi::kFeatRwCurPos;

constexpr uint64_t kNsPerSecond = 1'000'000'000;

int KernelSetup(uint32_t entries, io_uring_params* params) {
  const long fd = ::syscall(__NR_io_uring_setup, entries, params);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

// Acquire: pairs with the kernel's release of the same word; what it wrote before is visible after.
uint32_t LoadAcquire(const uint32_t* word) {
  return std::atomic_ref(*const_cast<uint32_t*>(word)).load(std::memory_order_acquire);
}

// Release: pairs with the kernel's acquire of the same word; it sees what we wrote before.
void StoreRelease(uint32_t* word, uint32_t value) {
  std::atomic_ref(*word).store(value, std::memory_order_release);
}

timespec Timespec(uint64_t ns) {
  return {static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond)};
}

}  // namespace

int Ring::Open(const RingOptions& options) {
  io_uring_params params = {};
  const int made = Setup(options, &params);
  if (made < 0) return made;
  fd_ = UniqueFd(made);
  counters_ = options.counters;
  enter_fd_ = made;

  report_.setup_flags = params.flags;
  report_.features = params.features & ~options.without_features;
  report_.entries = params.sq_entries;
  report_.completion_entries = params.cq_entries;
  report_.extended_wait = (report_.features & abi::kFeatExtArg) != 0;
  report_.min_wait = report_.extended_wait && (report_.features & abi::kFeatMinTimeout) != 0;
  if ((report_.features & kNeededFeatures) != kNeededFeatures) {
    Close();
    return -EOPNOTSUPP;
  }
  if (const int mapped = Map(params); mapped < 0) {
    Close();
    return mapped;
  }
  report_.operations = ProbeOperations() & ~options.without_operations;
  if (const int limited = LimitWorkers(options.workers); limited < 0) {
    refused_ = RefusedOption::kKernelWorkers;
    Close();
    return limited;
  }
  if (options.register_ring_fd) {
    abi::RingFdUpdate update = {
        .offset = UINT32_MAX, .reserved = 0, .data = static_cast<uint64_t>(made)};
    if (Register(abi::kRegisterRingFds, &update, 1) == 1) {
      enter_fd_ = static_cast<int>(update.offset);
      enter_flags_ = abi::kEnterRegisteredRing;
      report_.registered_ring_fd = true;
    }
  }
  return 0;
}

uint64_t Ring::ProbeOperations() const {
  abi::Probe probe = {};
  if (Register(abi::kRegisterProbe, &probe, std::size(probe.operations)) < 0) return ~uint64_t{0};
  uint64_t operations = 0;
  for (uint32_t nth = 0; nth < probe.count && nth < std::size(probe.operations); nth++) {
    const abi::ProbeOp& operation = probe.operations[nth];
    if (operation.opcode < 64 && (operation.flags & abi::kOpSupported) != 0)
      operations |= uint64_t{1} << operation.opcode;
  }
  return operations;
}

// The call gives back what was in force before it: so a second one, that changes nothing, says what
// is now.
int Ring::LimitWorkers(const WorkerLimits& limits) {
  WorkerLimits words = limits;
  if (const int set = Register(abi::kRegisterIowqMaxWorkers, &words, 2); set < 0) {
    const bool wanted = limits.bounded > 0 || limits.unbounded > 0;
    return wanted ? set : 0;
  }
  words = {};
  if (Register(abi::kRegisterIowqMaxWorkers, &words, 2) == 0) report_.workers = words;
  return 0;
}

int Ring::Setup(const RingOptions& options, io_uring_params* params) {
  const SetupCall setup = options.setup_call != nullptr ? options.setup_call : KernelSetup;
  uint32_t flags = kWantedSetup & ~options.without_setup_flags;
  if ((flags & abi::kSetupSingleIssuer) == 0) flags &= ~abi::kSetupDeferTaskrun;
  if (options.polled) flags |= abi::kSetupIopoll;
  const auto attempt = [&] {
    *params = {};
    params->flags = flags;
    params->cq_entries = options.completion_entries;
    return setup(options.entries, params);
  };
  int made = attempt();
  for (const uint32_t step : kLadder) {
    if (made != -EINVAL) break;
    if ((flags & step) == 0) continue;
    flags &= ~step;
    made = attempt();
  }
  return made;
}

int Ring::Map(const io_uring_params& params) {
  const size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  const size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(Cqe);
  if (const int mapped = MappedRegion::Shared(fd_.get(), abi::kOffSqRing,
                                              sq_bytes > cq_bytes ? sq_bytes : cq_bytes, &rings_);
      mapped < 0) {
    return mapped;
  }
  if (const int mapped =
          MappedRegion::Shared(fd_.get(), abi::kOffSqes, params.sq_entries * sizeof(Sqe), &sqes_);
      mapped < 0) {
    return mapped;
  }
  const auto word = [this](uint32_t offset) {
    return reinterpret_cast<uint32_t*>(rings_.base() + offset);
  };
  sq_head_ = word(params.sq_off.head);
  sq_tail_ = word(params.sq_off.tail);
  sq_flags_ = word(params.sq_off.flags);
  cq_head_ = word(params.cq_off.head);
  cq_tail_ = word(params.cq_off.tail);
  cqes_ = reinterpret_cast<const Cqe*>(rings_.base() + params.cq_off.cqes);
  sq_mask_ = *word(params.sq_off.ring_mask);
  cq_mask_ = *word(params.cq_off.ring_mask);
  next_tail_ = *sq_tail_;
  if ((params.flags & abi::kSetupNoSqarray) == 0) {
    // Kernels before 6.6 look entries up through an array; entry i is always at place i.
    uint32_t* array = word(params.sq_off.array);
    for (uint32_t i = 0; i < params.sq_entries; i++) array[i] = i;
  }
  return 0;
}

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

uint32_t Ring::Pending() const { return next_tail_ - LoadAcquire(sq_head_); }

uint32_t Ring::Room() const { return report_.entries - Pending(); }

void Ring::Push(const Sqe& sqe) {
  reinterpret_cast<Sqe*>(sqes_.base())[next_tail_ & sq_mask_] = sqe;
  next_tail_++;
}

int Ring::Submit() {
  StoreRelease(sq_tail_, next_tail_);
  // With DEFER_TASKRUN, finished work posts its completions only when we ask for events.
  const int taken = Enter(Pending(), 0, abi::kEnterGetevents, nullptr, 0);
  return taken < 0 ? taken : 0;
}

int Ring::SubmitAndWait(const WaitFor& wait) {
  StoreRelease(sq_tail_, next_tail_);
  if (!report_.extended_wait) return WaitByPpoll(wait.timeout_ns);
  const timespec ts = Timespec(wait.timeout_ns);
  const abi::GeteventsArg arg = {.sigmask = 0,
                                 .sigmask_size = 0,
                                 .min_wait_us = report_.min_wait ? wait.min_us : 0,
                                 .timespec = reinterpret_cast<uint64_t>(&ts)};
  const uint32_t completions = arg.min_wait_us > 0 ? wait.completions : 1;
  const int taken =
      Enter(Pending(), completions, abi::kEnterGetevents | abi::kEnterExtArg, &arg, sizeof(arg));
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

bool Ring::TakeCompletion(Cqe* out) {
  const uint32_t head = *cq_head_;  // only we write it
  if (head == LoadAcquire(cq_tail_)) return false;
  *out = cqes_[head & cq_mask_];
  StoreRelease(cq_head_, head + 1);
  return true;
}

bool Ring::Overflowed() const { return (LoadAcquire(sq_flags_) & abi::kSqCqOverflow) != 0; }

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
