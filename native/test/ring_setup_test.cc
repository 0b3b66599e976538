// The set-up ladder of native/src/ring.cc: what it asks of kernels that know less than this one,
// and what it makes of a refusal. The old kernels stand between the ladder and the real system
// call: EINVAL for a flag that they didn't know yet.
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "check.h"
#include "real_ring.h"
#include "ring.h"

namespace ringpost {
namespace {

using namespace abi;

struct Kernel {
  const char* name;
  uint32_t known_flags;
  uint32_t features;
};

constexpr uint32_t k56Flags = 0x1f | 1u << 5;                         // IOPOLL to CLAMP, ATTACH_WQ
constexpr uint32_t k518Flags = k56Flags | 1u << 6 | kSetupSubmitAll;  // R_DISABLED since 5.10
constexpr uint32_t k519Flags =
    k518Flags | kSetupCoopTaskrun | 7u << 9;  // TASKRUN_FLAG and wide entries
constexpr uint32_t k60Flags = k519Flags | kSetupSingleIssuer;
constexpr uint32_t k61Flags = k60Flags | kSetupDeferTaskrun;
constexpr uint32_t k66Flags =
    k61Flags | 3u << 14 | kSetupNoSqarray;  // NO_MMAP and the like since 6.5

constexpr uint32_t kNeeded = kFeatSingleMmap | kFeatNodrop | kFeatSubmitStable | kFeatRwCurPos;
constexpr uint32_t k56Features = kNeeded | 1u << 4;
constexpr uint32_t kLaterFeatures = k56Features | 0xf << 5 | 0xf << 9;  // EXT_ARG among them

const Kernel kKernels[] = {
    {"5.6", k56Flags, k56Features},      {"5.18", k518Flags, kLaterFeatures},
    {"5.19", k519Flags, kLaterFeatures}, {"6.0", k60Flags, kLaterFeatures},
    {"6.1", k61Flags, kLaterFeatures},   {"6.6", k66Flags, kLaterFeatures},
};

// RingOptions takes a plain function, so what it stands for is kept here.
Kernel emulated;
int attempts;

int OldKernel(uint32_t entries, io_uring_params* params) {
  attempts++;
  if ((params->flags & ~emulated.known_flags) != 0) return -EINVAL;
  const long fd = ::syscall(__NR_io_uring_setup, entries, params);
  if (fd < 0) return -errno;
  params->features &= emulated.features;
  return static_cast<int>(fd);
}

template <int kError>
int Refuse(uint32_t, io_uring_params*) {
  attempts++;
  return -kError;
}

RingOptions Small() {
  RingOptions options;
  options.entries = 8;
  options.completion_entries = 32;
  return options;
}

RingOptions On(const Kernel& kernel) {
  emulated = kernel;
  attempts = 0;
  RingOptions options = Small();
  options.setup_call = OldKernel;
  return options;
}

// A no-op goes there and back.
bool Works(Ring& ring) {
  Sqe sqe = {};
  sqe.user_data = 0x1234'5678'9abc'def0;
  ring.Push(sqe);
  if (!CHECK_EQ(ring.SubmitAndWait({.timeout_ns = 10'000'000'000}), 0)) return false;
  Cqe cqe = {};
  return CHECK(ring.TakeCompletion(&cqe)) && CHECK_EQ(cqe.user_data, sqe.user_data) &&
         CHECK_EQ(cqe.result, 0) && CHECK(!ring.TakeCompletion(&cqe));
}

TEST(the_ladder_ends_at_all_that_the_kernel_knows) {
  NEEDS_IO_URING();
  Ring today;
  REQUIRE(today.Open(Small()) == 0);
  const uint32_t granted_today = today.report().setup_flags;
  const uint32_t features_today = today.report().features;
  CHECK(Works(today));
  for (const Kernel& kernel : kKernels) {
    Ring ring;
    if (!CHECK_EQ(ring.Open(On(kernel)), 0)) continue;
    const bool all = CHECK_EQ(ring.report().setup_flags, granted_today & kernel.known_flags) &&
                     CHECK_EQ(ring.report().features, features_today & kernel.features) &&
                     CHECK_EQ(ring.report().extended_wait,
                              (features_today & kernel.features & kFeatExtArg) != 0) &&
                     CHECK(Works(ring));
    if (!all) std::printf("  that was Linux %s\n", kernel.name);
    CHECK(ring.report().entries >= 8);
    CHECK(ring.report().completion_entries >= 32);
  }
}

// Each step of the ladder costs one system call, and none is taken twice.
TEST(the_ladder_takes_one_attempt_per_step) {
  NEEDS_IO_URING();
  const int fewest[] = {6, 5, 4, 3, 2, 1};
  for (size_t nth = 0; nth < std::size(kKernels); nth++) {
    Ring ring;
    CHECK_EQ(ring.Open(On(kKernels[nth])), 0);
    CHECK(attempts >= fewest[nth]);
    CHECK(attempts <= 7);
  }
}

TEST(a_kernel_that_grants_nothing_is_asked_seven_times_at_most) {
  attempts = 0;
  RingOptions options = Small();
  options.setup_call = Refuse<EINVAL>;
  Ring ring;
  CHECK_EQ(ring.Open(options), -EINVAL);
  CHECK_EQ(attempts, 7);
  CHECK(!ring.is_open());
}

TEST(other_refusals_pass_through_at_once) {
  const struct {
    SetupCall call;
    int error;
  } refusals[] = {{Refuse<EPERM>, EPERM},
                  {Refuse<ENOSYS>, ENOSYS},
                  {Refuse<ENOMEM>, ENOMEM},
                  {Refuse<EMFILE>, EMFILE}};
  for (const auto& refusal : refusals) {
    attempts = 0;
    RingOptions options = Small();
    options.setup_call = refusal.call;
    Ring ring;
    CHECK_EQ(ring.Open(options), -refusal.error);
    CHECK_EQ(attempts, 1);
    CHECK(!ring.is_open());
  }
}

TEST(a_kernel_without_a_needed_feature_is_not_supported) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  for (const uint32_t feature :
       {kFeatSingleMmap, kFeatNodrop, kFeatSubmitStable, kFeatRwCurPos, kNeeded}) {
    RingOptions options = Small();
    options.without_features = feature;
    Ring ring;
    CHECK_EQ(ring.Open(options), -EOPNOTSUPP);
    CHECK(!ring.is_open());
    // And so where it is the kernel that leaves it out.
    Kernel kernel = kKernels[0];
    kernel.features &= ~feature;
    CHECK_EQ(ring.Open(On(kernel)), -EOPNOTSUPP);
    CHECK(!ring.is_open());
    CHECK_EQ(OpenDescriptors(), descriptors);
  }
}

TEST(flags_that_were_ruled_out_are_never_asked_for) {
  NEEDS_IO_URING();
  for (const uint32_t without : {kSetupSingleIssuer, kSetupDeferTaskrun, kSetupCoopTaskrun,
                                 kSetupSubmitAll, kSetupNoSqarray, kSetupClamp}) {
    RingOptions options = On({"today", UINT32_MAX, UINT32_MAX});
    options.without_setup_flags = without;
    Ring ring;
    if (!CHECK_EQ(ring.Open(options), 0)) continue;
    CHECK_EQ(ring.report().setup_flags & without, 0);
    // DEFER_TASKRUN is EINVAL without SINGLE_ISSUER: not asked for, rather than refused.
    if (without == kSetupSingleIssuer) {
      CHECK_EQ(ring.report().setup_flags & kSetupDeferTaskrun, 0);
    }
    CHECK(Works(ring));
  }
}

TEST(the_rings_own_descriptor_is_registered_unless_told_not_to) {
  NEEDS_IO_URING();
  RingOptions options = Small();
  options.register_ring_fd = false;
  Ring plain;
  CHECK_EQ(plain.Open(options), 0);
  CHECK(!plain.report().registered_ring_fd);
  CHECK(Works(plain));
  Ring registered;
  CHECK_EQ(registered.Open(Small()), 0);
  if (!registered.report().registered_ring_fd) SKIP("this kernel registers no ring descriptors");
  CHECK(Works(registered));
}

TEST(a_ring_can_be_closed_and_opened_again) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  Ring ring;
  CHECK_EQ(ring.Open(Small()), 0);
  const bool registers = ring.report().registered_ring_fd;
  ring.Close();
  // More often than a thread may register rings (16), so each close has to unregister its own.
  for (int round = 0; round < 40; round++) {
    CHECK_EQ(ring.Open(Small()), 0);
    CHECK_EQ(ring.report().registered_ring_fd, registers);
    CHECK(ring.is_open());
    CHECK(Works(ring));
    ring.Close();
    CHECK(!ring.is_open());
    ring.Close();
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
