// What the kernel itself refuses of a ring that was made for some operations alone, and a ring
// whose submissions a thread of the kernel's takes.
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "check.h"
#include "real_ring.h"
#include "ring.h"
#include "test_files.h"

namespace ringpost {
namespace {

using namespace abi;

constexpr uint64_t kGenerousNs = 20'000'000'000;

constexpr uint64_t Bit(uint8_t operation) { return uint64_t{1} << operation; }

RingOptions Small() {
  RingOptions options;
  options.entries = 4;
  options.completion_entries = 64;
  return options;
}

RingOptions ForNopAndFsync() {
  RingOptions options = Small();
  options.allowed_operations = Bit(kOpNop) | Bit(kOpFsync);
  return options;
}

Sqe Submission(uint8_t opcode, uint8_t flags = 0) {
  Sqe sqe = {};
  sqe.opcode = opcode;
  sqe.flags = flags;
  sqe.fd = -1;
  return sqe;
}

// What a submission comes to.
int32_t ResultOf(Ring& ring, const Sqe& sqe) {
  ring.Push(sqe);
  CHECK_EQ(ring.SubmitAndWait({.timeout_ns = kGenerousNs}), 0);
  Cqe cqe = {};
  CHECK(ring.TakeCompletion(&cqe));
  return cqe.result;
}

// The first refusal of a submission ends the batch, and is told as its completion.
TEST(the_kernel_refuses_what_is_not_allowed) {
  NEEDS_IO_URING();
  Ring ring;
  CHECK_EQ(ring.Open(ForNopAndFsync()), 0);
  CHECK((ring.report().setup_flags & kSetupRDisabled) != 0);
  CHECK_EQ(ResultOf(ring, Submission(kOpNop)), 0);
  CHECK_EQ(ResultOf(ring, Submission(kOpFsync)), -EBADF);
  for (const uint8_t refused : {kOpRead, kOpWrite, kOpOpenat, kOpUnlinkat, kOpPollAdd})
    CHECK_EQ(ResultOf(ring, Submission(refused)), -EACCES);
}

// IOSQE_IO_LINK, _DRAIN and the like are none of ours.
TEST(the_kernel_refuses_flags_of_submissions_that_nobody_uses) {
  NEEDS_IO_URING();
  Ring ring;
  CHECK_EQ(ring.Open(ForNopAndFsync()), 0);
  CHECK_EQ(ResultOf(ring, Submission(kOpNop, kSqeAsync)), 0);
  for (const uint8_t flag : {uint8_t{1u << 1}, uint8_t{1u << 2}, uint8_t{1u << 3}})
    CHECK_EQ(ResultOf(ring, Submission(kOpNop, flag)), -EACCES);
}

TEST(a_restricted_ring_registers_what_the_engine_needs) {
  NEEDS_IO_URING();
  RingOptions options = Small();
  options.allowed_operations = Bit(kOpNop);
  const int descriptors = OpenDescriptors();
  // More often than a thread may register rings (16), so each close has to unregister its own.
  for (int round = 0; round < 40; round++) {
    Ring ring;
    REQUIRE(ring.Open(options) == 0);
    CHECK_EQ(ring.RegisterFileTable(8), 0);
    CHECK_EQ(ring.RegisterBufferTable(8), 0);
    alignas(4096) static uint8_t page[4096];
    CHECK_EQ(ring.UpdateBuffer(0, page, sizeof(page)), 0);
    CHECK_EQ(ring.UpdateBuffer(0, nullptr, 0), 0);
    CHECK(ring.report().registered_ring_fd);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

// Linux 5.10 to 5.17 refuse a list with numbers of later ones.
TEST(a_restriction_names_what_the_kernel_is_known_to_have) {
  NEEDS_IO_URING();
  RingOptions options = Small();
  options.allowed_operations = Bit(kOpNop);
  options.without_features = kFeatRsrcTags;
  Ring ring;
  CHECK_EQ(ring.Open(options), 0);
  CHECK_EQ(ring.RegisterFileTable(8), -EACCES);
  CHECK_EQ(ring.RegisterBufferTable(8), -EACCES);
  CHECK_EQ(ResultOf(ring, Submission(kOpNop)), 0);
}

int BeforeRestrictions(uint32_t entries, io_uring_params* params) {
  if ((params->flags & kSetupRDisabled) != 0) return -EINVAL;
  const long fd = ::syscall(__NR_io_uring_setup, entries, params);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

TEST(a_kernel_without_restrictions_gives_no_ring_that_only_seems_restricted) {
  NEEDS_IO_URING();
  RingOptions options = Small();
  options.allowed_operations = Bit(kOpNop);
  options.setup_call = BeforeRestrictions;
  Ring ring;
  CHECK_EQ(ring.Open(options), -EINVAL);
  CHECK(ring.refused() == RefusedOption::kOperations);
}

RingOptions WithThread(uint32_t idle_ms) {
  RingOptions options = Small();
  options.submission_thread = {.wanted = true, .idle_ms = idle_ms};
  return options;
}

// Publishes as the engine does, and counts what comes back.
uint64_t MoveNops(Ring& ring, uint64_t count) {
  uint64_t pushed = 0;
  uint64_t seen = 0;
  while (seen < count) {
    while (pushed < count && pushed - seen < 32) {
      for (int tries = 0; ring.Room() == 0 && tries < 1'000'000; tries++) (void)ring.MakeRoom();
      ring.Push(Submission(kOpNop));
      pushed++;
    }
    if (ring.SubmitAndWait({.timeout_ns = kGenerousNs}) == -ETIME) break;
    for (Cqe cqe = {}; ring.TakeCompletion(&cqe);) seen++;
  }
  return seen;
}

TEST(a_submission_thread_takes_everything_through_a_full_ring) {
  NEEDS_IO_URING();
  Ring ring;
  CHECK_EQ(ring.Open(WithThread(1000)), 0);
  CHECK(ring.has_submission_thread());
  CHECK_EQ(ring.report().setup_flags & (kSetupDeferTaskrun | kSetupCoopTaskrun), 0);
  CHECK_EQ(MoveNops(ring, 10'000), 10'000);
}

// A lost wake-up would leave the submission where it is.
TEST(a_submission_thread_that_sleeps_is_woken) {
  NEEDS_IO_URING();
  Ring ring;
  CHECK_EQ(ring.Open(WithThread(1)), 0);
  for (int round = 0; round < 40; round++) {
    CHECK_EQ(MoveNops(ring, 1), 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 20));
  }
}

// What the submission threads of this process have had of a CPU, in ticks of the kernel's clock.
long TicksOfThread() {
  long ticks = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const std::string stat = ContentOf(task.path() / "stat");
    const size_t name = stat.find("(iou-sqp-");
    if (name == std::string::npos) continue;
    long user = 0;
    long system = 0;
    CHECK_EQ(std::sscanf(stat.c_str() + stat.find(')', name),
                         ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system),
             2);
    ticks += user + system;
  }
  return ticks;
}

// Woken, it would look for submissions for as long as it is told to, and then be woken again.
TEST(a_submission_thread_sleeps_through_waits_that_submit_nothing) {
  NEEDS_IO_URING();
  constexpr uint64_t kWaitNs = 40'000'000;
  Ring ring;
  CHECK_EQ(ring.Open(WithThread(50)), 0);
  CHECK_EQ(MoveNops(ring, 1), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const long before = TicksOfThread();
  for (int nth = 0; nth < 10; nth++) CHECK_EQ(ring.SubmitAndWait({.timeout_ns = kWaitNs}), -ETIME);
  const long took = TicksOfThread() - before;
  CHECK(took * 1000 / ::sysconf(_SC_CLK_TCK) < 100);
  CHECK_EQ(MoveNops(ring, 1), 1);
}

}  // namespace
}  // namespace ringpost
