// Stage 5 of 9, engine thread: the ring that we share with the kernel, on the raw system calls.
// ring_setup.cc makes it, ring.cc works with it.
//
// One thread makes the ring, enters it and registers with it (SINGLE_ISSUER); no other thread may
// touch it.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernel_abi.h"
#include "mapped_region.h"
#include "unique_fd.h"

struct io_uring_params;

namespace ringpost {

// The system call that makes a ring; a test puts an old kernel in its place.
using SetupCall = int (*)(uint32_t entries, io_uring_params* params);

// Most worker threads of the kernel per NUMA node. 0: as the kernel has it.
struct WorkerLimits {
  uint32_t bounded = 0;    // for work that ends by itself, as on files
  uint32_t unbounded = 0;  // for work that may wait for ever, as on pipes
};

// A thread of the kernel's that takes submissions without a system call (SQPOLL).
struct SubmissionThread {
  bool wanted = false;
  uint32_t idle_ms = 0;  // it sleeps when it had nothing to take for so long
  int32_t cpu = -1;      // it runs on this CPU alone; -1: wherever
};

// Submissions that the kernel is to take, whatever else is asked of it: bit by IORING_OP_*.
inline constexpr uint64_t kAllOperations = ~uint64_t{0};

struct RingOptions {
  uint32_t entries = 256;              // submissions between two enters
  uint32_t completion_entries = 4096;  // completions that fit before any is taken
  uint32_t without_setup_flags = 0;    // never ask for these
  uint32_t without_features = 0;       // do as if the kernel had not said these
  uint64_t without_operations = 0;     // do as if the kernel had not these: bit by IORING_OP_*
  uint64_t allowed_operations = kAllOperations;
  WorkerLimits workers = {};
  SubmissionThread submission_thread = {};
  bool register_ring_fd = true;
  uint64_t* counters = nullptr;    // index with protocol::engine_counter; nullptr: nobody counts
  bool polled = false;             // completions come by asking the devices
  SetupCall setup_call = nullptr;  // nullptr: the kernel
};

// An option that can't be had here: the errno alone can't say which.
enum class RefusedOption : uint8_t { kNone, kKernelWorkers, kSqpoll, kOperations, kPlacement };

// How long a wait is, and for how much.
struct WaitFor {
  uint64_t timeout_ns = 0;
  uint32_t completions = 1;
  uint32_t min_us = 0;  // after it, one completion is enough; 0: no such time
  bool for_io = true;   // whether the system's statistics may call it a wait for input and output
};

// What the kernel granted.
struct RingReport {
  uint32_t setup_flags = 0;
  uint32_t features = 0;
  uint32_t entries = 0;
  uint32_t completion_entries = 0;
  uint64_t operations = 0;  // which there are: bit by IORING_OP_*
  bool registered_ring_fd = false;
  WorkerLimits workers;        // 0 where the kernel doesn't tell
  bool extended_wait = false;  // waits are bounded by EXT_ARG, not by ppoll
  bool min_wait = false;       // waits may be for several completions
};

// Acquire: pairs with the kernel's release of the same word; what it wrote before is visible after.
inline uint32_t LoadFromKernel(const uint32_t* word) {
  return std::atomic_ref(*const_cast<uint32_t*>(word)).load(std::memory_order_acquire);
}

// Release: pairs with the kernel's acquire of the same word; it sees what we wrote before.
inline void StoreForKernel(uint32_t* word, uint32_t value) {
  std::atomic_ref(*word).store(value, std::memory_order_release);
}

class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { Close(); }

  // Makes the ring with the most set-up flags that the kernel takes (docs/kernel.md, "The set-up
  // ladder"). Returns 0 or -errno: -EPERM refused by seccomp or sysctl, -ENOSYS no io_uring,
  // -ENOMEM locked-memory limit, -EOPNOTSUPP a kernel before 5.6.
  [[nodiscard]] int Open(const RingOptions& options);
  // After Open said -EOPNOTSUPP or -EINVAL: whose fault it is.
  [[nodiscard]] RefusedOption refused() const { return refused_; }

  // Unmaps and closes. The caller has made sure that nothing is in flight.
  void Close();

  [[nodiscard]] bool is_open() const { return fd_.valid(); }
  [[nodiscard]] const RingReport& report() const { return report_; }

  // Whether the kernel has this operation.
  [[nodiscard]] bool Supports(uint8_t operation) const {
    return operation < 64 && (report_.operations >> operation & 1) != 0;
  }

  // Whether it has it in this form, too: the lengths of fadvise had 32 bits at first, which no
  // feature tells; those of 6.12 have 64.
  [[nodiscard]] bool Takes(const abi::Sqe& sqe) const {
    const bool is_long = sqe.opcode == abi::kOpFadvise && sqe.address != 0;
    return Supports(sqe.opcode) && (!is_long || (report_.features & abi::kFeatMinTimeout) != 0);
  }

  // --- Submissions ---

  // Submissions that fit before the next Enter.
  [[nodiscard]] uint32_t Room() const { return report_.entries - Pending(); }
  // Submissions that the kernel has not taken yet.
  [[nodiscard]] uint32_t Pending() const { return next_tail_ - LoadFromKernel(sq_head_); }
  // Queues a submission for the next system call. The caller knows that there is room.
  void Push(const abi::Sqe& sqe) {
    reinterpret_cast<abi::Sqe*>(sqes_.base())[next_tail_ & sq_mask_] = sqe;
    next_tail_++;
  }

  // Whether a thread of the kernel's takes the submissions: Room and Pending then change by
  // themselves.
  [[nodiscard]] bool has_submission_thread() const {
    return (report_.setup_flags & abi::kSetupSqpoll) != 0;
  }

  // Submits what is pending, and lets finished work post its completions. Doesn't block. A system
  // call for each `piece` of it, except with a submission thread that is awake.
  // Returns 0, or -EAGAIN, -EBUSY, -EINTR: call again after taking completions.
  int Submit(uint32_t piece = UINT32_MAX);
  // Submit, until there is room for another; as Submit, call it again where there is none.
  int MakeRoom();

  // Submits what is pending, and blocks until the completions are there or the time is over. Waits
  // for one alone where the report has no min_wait.
  // Returns 0, -ETIME after the time, or -EINTR.
  int SubmitAndWait(const WaitFor& wait);

  // --- Completions ---

  // Copies the oldest completion out and frees its entry. Returns false where there is none now.
  bool TakeCompletion(abi::Cqe* out) {
    const uint32_t head = *cq_head_;  // only we write it
    if (head == LoadFromKernel(cq_tail_)) return false;
    *out = cqes_[head & cq_mask_];
    StoreForKernel(cq_head_, head + 1);
    return true;
  }
  // Whether finished work waits for a Submit to post its completions (DEFER_TASKRUN), or the kernel
  // holds completions back. Of finished work no kernel before Linux 5.19 tells.
  [[nodiscard]] bool HasUnposted() const {
    return (LoadFromKernel(sq_flags_) & (abi::kSqTaskrun | abi::kSqCqOverflow)) != 0;
  }
  // Whether there is a completion to take. No system call.
  [[nodiscard]] bool HasCompletion() const { return *cq_head_ != LoadFromKernel(cq_tail_); }
  // Whether the kernel holds completions back that did not fit.
  [[nodiscard]] bool Overflowed() const;

  // --- Registered files ---

  // Makes an empty table of descriptors that are the ring's own (direct descriptors). Since Linux
  // 5.19. Returns 0 or -errno: -EMFILE where it is larger than the limit of open files.
  [[nodiscard]] int RegisterFileTable(uint32_t count);

  // --- Registered buffers ---

  // Makes an empty table of registered buffers. Since Linux 5.19. Returns 0 or -errno.
  [[nodiscard]] int RegisterBufferTable(uint32_t count);
  // Puts memory into the table, or takes it out (base nullptr). Returns 0 or -errno: -ENOMEM
  // locked-memory limit.
  [[nodiscard]] int UpdateBuffer(uint32_t index, uint8_t* base, uint64_t length);

 private:
  int Setup(const RingOptions& options, io_uring_params* params);
  int Map(const io_uring_params& params);
  [[nodiscard]] uint64_t ProbeOperations() const;
  int LimitWorkers(const WorkerLimits& limits);
  [[nodiscard]] int Restrict(uint64_t operations) const;
  [[nodiscard]] bool RegisterRingFd();
  [[nodiscard]] uint32_t Publish();
  int Enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg,
            size_t arg_bytes) const;
  void CountEnter(long taken) const;
  int Register(uint32_t opcode, const void* arg, uint32_t count) const;
  int WaitByPpoll(uint64_t timeout_ns);

  UniqueFd fd_;
  uint64_t* counters_ = nullptr;
  int enter_fd_ = UniqueFd::kNone;  // the descriptor, or its index where it is registered
  uint32_t enter_flags_ = 0;
  RefusedOption refused_ = RefusedOption::kNone;
  RingReport report_;

  MappedRegion rings_;
  MappedRegion sqes_;
  // Words in rings_, shared with the kernel: it writes the SQ head, the CQ tail and the flags.
  uint32_t* sq_head_ = nullptr;
  uint32_t* sq_tail_ = nullptr;
  uint32_t* sq_flags_ = nullptr;
  uint32_t* cq_head_ = nullptr;
  uint32_t* cq_tail_ = nullptr;
  const abi::Cqe* cqes_ = nullptr;
  uint32_t sq_mask_ = 0;
  uint32_t cq_mask_ = 0;
  uint32_t next_tail_ = 0;  // our own copy of the SQ tail, ahead of what is published
  uint32_t woken_for_ = 0;  // the tail for which the submission thread was last woken
};

}  // namespace ringpost
