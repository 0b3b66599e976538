// Makes a ring: what the kernel is asked for, and what of it it grants.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <vector>

#include "ring.h"

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
    abi::kSetupCoopTaskrun | abi::kSetupTaskrunFlag,    // 5.19
    abi::kSetupSubmitAll,                               // 5.18
    abi::kSetupClamp,                                   // 5.6
};

constexpr uint32_t kWantedSetup = abi::kSetupCqsize | abi::kSetupClamp | abi::kSetupSubmitAll |
                                  abi::kSetupCoopTaskrun | abi::kSetupTaskrunFlag |
                                  abi::kSetupSingleIssuer | abi::kSetupDeferTaskrun |
                                  abi::kSetupNoSqarray;

// Without these (Linux 5.6) a promise of ours can't be kept: completions are never dropped, a
// submission's arguments may be reused after Enter, and position -1 means the file's own offset.
constexpr uint32_t kNeededFeatures =
    abi::kFeatSingleMmap | abi::kFeatNodrop | abi::kFeatSubmitStable | abi::kFeatRwCurPos;

int KernelSetup(uint32_t entries, io_uring_params* params) {
  const long fd = ::syscall(__NR_io_uring_setup, entries, params);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

// Without the ladder's flags the kernel still says EINVAL: it is one of those that can't be left
// out.
RefusedOption RefusedOf(const RingOptions& options) {
  if (options.submission_thread.wanted) return RefusedOption::kSqpoll;
  if (options.allowed_operations != kAllOperations) return RefusedOption::kOperations;
  return RefusedOption::kNone;
}

}  // namespace

int Ring::Open(const RingOptions& options) {
  io_uring_params params = {};
  const int made = Setup(options, &params);
  if (made < 0) {
    if (made == -EINVAL) refused_ = RefusedOf(options);
    return made;
  }
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
  if (options.submission_thread.wanted && (report_.features & abi::kFeatSqpollNonfixed) == 0) {
    refused_ = RefusedOption::kSqpoll;
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
  if (options.register_ring_fd) report_.registered_ring_fd = RegisterRingFd();
  if (options.allowed_operations == kAllOperations) return 0;
  const int restricted = Restrict(options.allowed_operations);
  if (restricted < 0) {
    refused_ = RefusedOption::kOperations;
    Close();
  }
  return restricted;
}

// Spares the kernel a look into the process's table with every enter.
bool Ring::RegisterRingFd() {
  abi::RingFdUpdate update = {
      .offset = UINT32_MAX, .reserved = 0, .data = static_cast<uint64_t>(fd_.get())};
  if (Register(abi::kRegisterRingFds, &update, 1) != 1) return false;
  enter_fd_ = static_cast<int>(update.offset);
  enter_flags_ = abi::kEnterRegisteredRing;
  return true;
}

// From here on the kernel itself refuses (-EACCES) what isn't allowed, until the ring is closed.
int Ring::Restrict(uint64_t operations) const {
  std::vector<abi::Restriction> allowed = {
      {.kind = abi::kRestrictSqeFlags, .which = abi::kSqeAsync | abi::kSqeFixedFile},
  };
  // What this class registers after it is open. A number that the kernel doesn't know makes it
  // refuse the whole list (EINVAL).
  const auto allow_register = [&](uint8_t which) {
    allowed.push_back({.kind = abi::kRestrictRegisterOp, .which = which});
  };
  if ((report_.features & abi::kFeatRsrcTags) != 0) {
    allow_register(abi::kRegisterFiles2);
    allow_register(abi::kRegisterBuffers2);
    allow_register(abi::kRegisterBuffersUpdate);
  }
  if (report_.registered_ring_fd) allow_register(abi::kUnregisterRingFds);
  for (uint8_t operation = 0; operation < 64; operation++) {
    if ((operations >> operation & 1) == 0 || !Supports(operation)) continue;
    allowed.push_back({.kind = abi::kRestrictSqeOp, .which = operation});
  }
  const int registered =
      Register(abi::kRegisterRestrictions, allowed.data(), static_cast<uint32_t>(allowed.size()));
  if (registered < 0) return registered;
  return Register(abi::kRegisterEnableRings, nullptr, 0);
}

// The probe is of Linux 5.6, as what is needed in any case. Where it fails all the same (a sandbox
// refuses the call, say), nothing is known: then all goes to the ring, and what the kernel lacks it
// refuses itself (EINVAL).
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
  if ((flags & (abi::kSetupCoopTaskrun | abi::kSetupDeferTaskrun)) == 0)
    flags &= ~abi::kSetupTaskrunFlag;
  if (options.polled) flags |= abi::kSetupIopoll;
  if (options.allowed_operations != kAllOperations) flags |= abi::kSetupRDisabled;
  const SubmissionThread& thread = options.submission_thread;
  if (thread.wanted) {
    // Both are ways to run work on the thread that enters, which isn't the one that submits.
    flags &= ~(abi::kSetupCoopTaskrun | abi::kSetupTaskrunFlag | abi::kSetupDeferTaskrun);
    flags |= abi::kSetupSqpoll | (thread.cpu >= 0 ? abi::kSetupSqAff : 0);
  }
  const auto attempt = [&] {
    *params = {};
    params->flags = flags;
    params->cq_entries = options.completion_entries;
    params->sq_thread_idle = thread.idle_ms;
    params->sq_thread_cpu = static_cast<uint32_t>(std::max(thread.cpu, 0));
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

}  // namespace ringpost
