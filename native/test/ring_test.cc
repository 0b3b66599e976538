// The ring itself (native/src/ring.h), on the real kernel, in every set-up that the ladder can end
// with.
#include "ring.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "check.h"
#include "mapped_region.h"
#include "real_ring.h"
#include "test_files.h"
#include "unique_fd.h"

namespace ringpost {
namespace {

using namespace abi;

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kGenerousNs = 20'000 * kNsPerMs;

struct SetUp {
  const char* name;
  uint32_t without_flags;
  uint32_t without_features;
  bool register_ring_fd;
};

const SetUp kSetUps[] = {
    {"default", 0, 0, true},
    {"SQ array", kSetupNoSqarray, 0, true},
    {"no DEFER_TASKRUN", kSetupDeferTaskrun, 0, true},
    {"no SINGLE_ISSUER", kSetupSingleIssuer, 0, true},
    {"no COOP_TASKRUN", kSetupSingleIssuer | kSetupCoopTaskrun, 0, true},
    {"Linux 5.6", kSetupSingleIssuer | kSetupCoopTaskrun | kSetupSubmitAll | kSetupNoSqarray,
     kFeatExtArg, false},
    {"ppoll with DEFER_TASKRUN", 0, kFeatExtArg, true},
};

RingOptions OptionsOf(const SetUp& set_up, uint32_t entries, uint32_t completion_entries) {
  RingOptions options;
  options.entries = entries;
  options.completion_entries = completion_entries;
  options.without_setup_flags = set_up.without_flags;
  options.without_features = set_up.without_features;
  options.register_ring_fd = set_up.register_ring_fd;
  return options;
}

// Runs the body with a ring of each set-up.
template <typename Body>
void ForEachSetUp(uint32_t entries, uint32_t completion_entries, Body body) {
  for (const SetUp& set_up : kSetUps) {
    const int failures_before = check::FailureCount();
    Ring ring;
    if (CHECK_EQ(ring.Open(OptionsOf(set_up, entries, completion_entries)), 0)) body(ring);
    if (check::FailureCount() > failures_before) {
      std::printf("  that was set-up \"%s\"\n", set_up.name);
    }
  }
}

Sqe Nop(uint64_t user_data) {
  Sqe sqe = {};
  sqe.user_data = user_data;
  return sqe;
}

Sqe Read(int fd, void* buffer, uint32_t length, uint64_t user_data) {
  Sqe sqe = {};
  sqe.opcode = kOpRead;
  sqe.fd = fd;
  sqe.address = reinterpret_cast<uint64_t>(buffer);
  sqe.length = length;
  sqe.user_data = user_data;
  return sqe;
}

// Waits as often as it takes. Returns false where there was no completion in time.
bool AwaitCompletion(Ring& ring, Cqe* cqe) {
  for (int tries = 0; tries < 100; tries++) {
    if (ring.TakeCompletion(cqe)) return true;
    if (ring.SubmitAndWait({.timeout_ns = kGenerousNs}) == -ETIME) return false;
  }
  return false;
}

TEST(no_ops_come_back) {
  NEEDS_IO_URING();
  ForEachSetUp(8, 32, [](Ring& ring) {
    Cqe cqe = {};
    CHECK(!ring.TakeCompletion(&cqe));
    for (uint64_t nth = 0; nth < 5; nth++) ring.Push(Nop(1000 + nth));
    CHECK_EQ(ring.Pending(), 5);
    CHECK_EQ(ring.Submit(), 0);
    CHECK_EQ(ring.Pending(), 0);
    for (uint64_t nth = 0; nth < 5; nth++) {
      CHECK(ring.TakeCompletion(&cqe));
      CHECK_EQ(cqe.user_data, 1000 + nth);
      CHECK_EQ(cqe.result, 0);
    }
    CHECK(!ring.TakeCompletion(&cqe));
  });
}

TEST(a_wait_for_nothing_ends_with_its_time) {
  NEEDS_IO_URING();
  ForEachSetUp(8, 32, [](Ring& ring) {
    for (const uint64_t ms : {0, 1, 20})
      CHECK_EQ(ring.SubmitAndWait({.timeout_ns = ms * kNsPerMs}), -ETIME);
    // And the ring works on.
    ring.Push(Nop(7));
    Cqe cqe = {};
    CHECK_EQ(ring.SubmitAndWait({.timeout_ns = kGenerousNs}), 0);
    CHECK(ring.TakeCompletion(&cqe));
    CHECK_EQ(ring.SubmitAndWait({.timeout_ns = 0}), -ETIME);
  });
}

TEST(a_wait_ends_with_a_completion_from_another_thread) {
  NEEDS_IO_URING();
  ForEachSetUp(8, 32, [](Ring& ring) {
    const Pipe pipe;
    char text[8] = {};
    ring.Push(Read(pipe.out.get(), text, sizeof(text), 99));
    // Blocked: in the kernel, and not done.
    (void)ring.SubmitAndWait({.timeout_ns = kNsPerMs});
    CHECK_EQ(ring.Pending(), 0);
    CHECK_EQ(ring.SubmitAndWait({.timeout_ns = kNsPerMs}), -ETIME);
    std::thread writer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      pipe.Write("hello");
    });
    Cqe cqe = {};
    CHECK(AwaitCompletion(ring, &cqe));
    writer.join();
    CHECK_EQ(cqe.user_data, 99);
    CHECK_EQ(cqe.result, 5);
    CHECK_EQ(std::memcmp(text, "hello", 5), 0);
  });
}

TEST(a_signal_interrupts_a_wait) {
  NEEDS_IO_URING();
  struct sigaction action = {};
  action.sa_handler = [](int) {};  // and no SA_RESTART
  struct sigaction before = {};
  CHECK_EQ(::sigaction(SIGALRM, &action, &before), 0);
  ForEachSetUp(8, 32, [](Ring& ring) {
    // Again and again, for the first may come before the wait begins.
    const itimerval every_5_ms = {{0, 5000}, {0, 5000}};
    CHECK_EQ(::setitimer(ITIMER_REAL, &every_5_ms, nullptr), 0);
    CHECK_EQ(ring.SubmitAndWait({.timeout_ns = kGenerousNs}), -EINTR);
    const itimerval never = {};
    CHECK_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
    ring.Push(Nop(1));
    Cqe cqe = {};
    CHECK(AwaitCompletion(ring, &cqe));
  });
  CHECK_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
}

TEST(the_submission_queue_fills_and_empties) {
  NEEDS_IO_URING();
  ForEachSetUp(4, 64, [](Ring& ring) {
    const uint32_t entries = ring.report().entries;
    CHECK_EQ(ring.Room(), entries);
    uint64_t next = 0;
    uint64_t taken = 0;
    for (int round = 0; round < 50; round++) {
      for (uint32_t nth = 0; nth < entries; nth++) {
        CHECK_EQ(ring.Room(), entries - nth);
        CHECK_EQ(ring.Pending(), nth);
        ring.Push(Nop(next++));
      }
      CHECK_EQ(ring.Room(), 0);
      CHECK_EQ(ring.Submit(), 0);
      CHECK_EQ(ring.Room(), entries);
      for (Cqe cqe = {}; ring.TakeCompletion(&cqe); taken++) CHECK_EQ(cqe.user_data, taken);
    }
    CHECK_EQ(taken, next);
  });
}

TEST(the_completion_queue_wraps) {
  NEEDS_IO_URING();
  ForEachSetUp(4, 8, [](Ring& ring) {
    const uint32_t batch = ring.report().entries - 1;  // never a divisor of the queue
    uint64_t next = 0;
    uint64_t taken = 0;
    while (next < uint64_t{ring.report().completion_entries} * 20) {
      for (uint32_t nth = 0; nth < batch; nth++) ring.Push(Nop(next++));
      CHECK_EQ(ring.Submit(), 0);
      for (Cqe cqe = {}; ring.TakeCompletion(&cqe); taken++) CHECK_EQ(cqe.user_data, taken);
    }
    CHECK_EQ(taken, next);
    CHECK(!ring.Overflowed());
  });
}

TEST(completions_that_do_not_fit_are_held_back_and_not_dropped) {
  NEEDS_IO_URING();
  ForEachSetUp(4, 8, [](Ring& ring) {
    const uint64_t count = ring.report().completion_entries + 2 * ring.report().entries;
    for (uint64_t next = 0; next < count; next++) {
      ring.Push(Nop(next));
      if (ring.Room() == 0) (void)ring.Submit();
    }
    CHECK(ring.Overflowed());
    uint64_t taken = 0;
    for (int tries = 0; taken < count && tries < 100; tries++) {
      for (Cqe cqe = {}; ring.TakeCompletion(&cqe); taken++) CHECK_EQ(cqe.user_data, taken);
      (void)ring.Submit();
    }
    CHECK_EQ(taken, count);
    CHECK(!ring.Overflowed());
  });
}

TEST(the_buffer_table_takes_and_gives_up_memory) {
  NEEDS_IO_URING();
  ForEachSetUp(8, 32, [](Ring& ring) {
    const int made = ring.RegisterBufferTable(128);
    if (made == -EINVAL) SKIP("registered buffer tables are since Linux 5.19");
    CHECK_EQ(made, 0);
    MappedRegion memory;
    CHECK_EQ(MappedRegion::Zeroed(2 * 4096, &memory), 0);
    CHECK_EQ(ring.UpdateBuffer(67, memory.base(), memory.bytes()), 0);
    CHECK(ring.UpdateBuffer(128, memory.base(), memory.bytes()) < 0);

    const UniqueFd zeros(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    std::memset(memory.base(), 0xaa, memory.bytes());
    Sqe sqe = Read(zeros.get(), memory.base() + 4000, 200, 5);
    sqe.opcode = kOpReadFixed;
    sqe.buffer_index = 67;
    const auto result = [&] {
      ring.Push(sqe);
      Cqe cqe = {};
      CHECK(AwaitCompletion(ring, &cqe));
      return cqe.result;
    };
    CHECK_EQ(result(), 200);
    CHECK_EQ(memory.base()[3999], 0xaa);
    CHECK_EQ(memory.base()[4000], 0);
    CHECK_EQ(memory.base()[4199], 0);
    CHECK_EQ(memory.base()[4200], 0xaa);
    sqe.address += 4096;  // over the end of the registered memory
    CHECK_EQ(result(), -EFAULT);
    sqe.address -= 4096;
    sqe.buffer_index = 66;  // an empty place
    CHECK_EQ(result(), -EFAULT);
    sqe.buffer_index = 67;
    CHECK_EQ(ring.UpdateBuffer(67, nullptr, 0), 0);
    CHECK_EQ(result(), -EFAULT);
    CHECK_EQ(ring.UpdateBuffer(67, memory.base(), memory.bytes()), 0);
    CHECK_EQ(result(), 200);
  });
}

}  // namespace
}  // namespace ringpost
