// Waits of a real engine (native/src/prepare_waits.h): what ends them, and that nothing else is
// needed to: cancellations, deadlines, the end of their client and of the engine.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "check.h"
#include "counting_waker.h"
#include "prepare_waits.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

namespace opcode = protocol::opcode;
namespace scope = protocol::cancel_scope;

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kVeryLongNs = uint64_t{1} << 60;

TestRequest Timeout(uint64_t ns) { return Transfer(opcode::kTimeout, -1, nullptr, 0, ns); }

TestRequest OnWord(uint32_t op, int32_t* word, uint32_t value) {
  TestRequest request = Transfer(op, -1, word, sizeof(*word), 0);
  request.words.flags = value;
  return request;
}

TestRequest Waitid(idtype_t which, uint32_t id, uint32_t options) {
  TestRequest request = Operation(opcode::kWaitid, static_cast<int32_t>(id));
  request.words.length = id;
  request.words.mode = static_cast<uint32_t>(which);
  request.words.flags = options;
  return request;
}

// A child that ends when it is told to, with this code.
class Child {
 public:
  explicit Child(int code) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    char byte = 0;
    const ssize_t got = ::read(gate_.out.get(), &byte, 1);
    ::_exit(got == 1 ? code : 99);
  }
  ~Child() {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] uint32_t pid() const { return static_cast<uint32_t>(pid_); }
  void End() const { gate_.Write("x"); }

 private:
  Pipe gate_;
  pid_t pid_ = -1;
};

siginfo_t StateIn(const TestClient& client, uint32_t slot) {
  siginfo_t state = {};
  std::memcpy(&state, client.mailbox().Result(slot), sizeof(state));
  return state;
}

bool Lacks(TestClient& client, const TestRequest& wait) {
  return client.Result(Until(MonotonicNs() + kNsPerMs, wait)) == -ENOSYS;
}

TEST(a_timeout_ends_with_its_time_and_not_before) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  for (const uint64_t ns : {uint64_t{0}, uint64_t{1}, 3 * kNsPerMs}) {
    const uint64_t before = MonotonicNs();
    CHECK_EQ(client.Result(Timeout(ns)), 0);
    CHECK(MonotonicNs() - before >= ns);
  }
}

TEST(a_word_is_waited_on_until_it_is_woken) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  int32_t word = -7;
  if (Lacks(client, OnWord(opcode::kFutexWake, &word, 1))) SKIP("no futexes before Linux 6.7");
  CHECK_EQ(client.Result(OnWord(opcode::kFutexWait, &word, 7)), protocol::futex_result::kNotEqual);
  const auto expected = static_cast<uint32_t>(word);
  const uint32_t first = client.Post(OnWord(opcode::kFutexWait, &word, expected));
  const uint32_t second = client.Post(OnWord(opcode::kFutexWait, &word, expected));
  CHECK_EQ(client.Result(Nop()), 0);
  // By the plain system call, as the primitives of native code do.
  CHECK_EQ(::syscall(__NR_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0), 1);
  CHECK_EQ(client.AwaitReply(first).result, protocol::futex_result::kWoken);
  CHECK_EQ(client.Result(OnWord(opcode::kFutexWake, &word, 10)), 1);
  CHECK_EQ(client.AwaitReply(second).result, protocol::futex_result::kWoken);
  CHECK_EQ(client.Result(OnWord(opcode::kFutexWake, &word, 10)), 0);
}

TEST(a_child_is_waited_for_and_left_to_its_parent) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  if (Lacks(client, Waitid(P_ALL, 0, WEXITED))) SKIP("no waitid before Linux 6.7");
  CHECK_EQ(client.Result(Waitid(P_ALL, 0, WEXITED)), -ECHILD);
  const Child child(42);
  const uint32_t slot = client.Post(Waitid(P_PID, child.pid(), WEXITED | WNOWAIT));
  CHECK_EQ(client.Result(Nop()), 0);
  child.End();
  CHECK_EQ(client.AwaitReply(slot).result, 0);
  siginfo_t state = StateIn(client, slot);
  CHECK_EQ(state.si_code, CLD_EXITED);
  CHECK_EQ(state.si_status, 42);
  CHECK_EQ(state.si_pid, static_cast<pid_t>(child.pid()));
  CHECK_EQ(state.si_uid, ::getuid());
  const UniqueFd pidfd(static_cast<int>(::syscall(__NR_pidfd_open, child.pid(), 0)));
  const auto pidfd_type = static_cast<idtype_t>(abi::kIdIsPidfd);
  const Reply by_pidfd =
      client.Ask(Waitid(pidfd_type, static_cast<uint32_t>(pidfd.get()), WEXITED | WNOWAIT));
  CHECK_EQ(by_pidfd.result, 0);
  CHECK_EQ(StateIn(client, by_pidfd.slot).si_status, 42);
  CHECK_EQ(client.Result(Waitid(P_PID, child.pid(), WEXITED)), 0);  // and now it is gone
  CHECK_EQ(client.Result(Waitid(P_PID, child.pid(), WEXITED)), -ECHILD);
}

// Of each kind that the kernel has, one that never ends by itself.
struct Waits {
  explicit Waits(TestClient& client) : client_(client) {
    Post(Timeout(kVeryLongNs));
    if (!Lacks(client, OnWord(opcode::kFutexWake, &word, 1))) {
      Post(OnWord(opcode::kFutexWait, &word, 0));
      Post(Waitid(P_PID, child.pid(), WEXITED | WNOWAIT));
    }
    CHECK_EQ(client.Result(Nop()), 0);
  }
  void Post(const TestRequest& wait) { slots.push_back(client_.Post(wait)); }
  void Expect(int32_t result) {
    for (const uint32_t slot : slots) CHECK_EQ(client_.AwaitReply(slot).result, result);
    CHECK_EQ(client_.strays(), 0);
  }

  Child child = Child(0);
  int32_t word = 0;
  std::vector<uint32_t> slots;

 private:
  TestClient& client_;
};

TEST(waits_are_cancelled_one_by_one_and_all_together) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  for (const bool all : {false, true}) {
    Waits waits(client);
    if (all) {
      client.PostCancel(scope::kAll, 0);
    } else {
      for (const uint32_t slot : waits.slots) client.PostCancel(scope::kRequest, slot);
    }
    client.Publish();
    waits.Expect(-ECANCELED);
  }
}

// Where other submissions have a descriptor, these have numbers of other things.
TEST(waits_are_not_on_a_descriptor) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  Waits waits(client);
  const Pipe pipe;
  const int futex_flags = ::dup3(pipe.out.get(), 0x82, O_CLOEXEC);
  REQUIRE(futex_flags == 0x82);
  for (const int32_t fd : {futex_flags, 0, static_cast<int32_t>(waits.child.pid())})
    client.PostCancel(scope::kDescriptor, 0, fd);
  CHECK_EQ(client.Result(CloseFd(futex_flags)), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK_EQ(client.Result(Nop()), 0);
  CHECK_EQ(client.in_flight(), waits.slots.size());
  client.CancelAll();
  waits.Expect(-ECANCELED);
}

TEST(waits_are_overdue_in_time) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  int32_t word = 0;
  const Child child(0);
  std::vector<TestRequest> waits = {Timeout(kVeryLongNs)};
  if (!Lacks(client, OnWord(opcode::kFutexWake, &word, 1))) {
    waits.push_back(OnWord(opcode::kFutexWait, &word, 0));
    waits.push_back(Waitid(P_PID, child.pid(), WEXITED));
  }
  for (const TestRequest& wait : waits)
    CHECK_EQ(client.Result(Until(MonotonicNs() + 5 * kNsPerMs, wait)), -ETIMEDOUT);
}

TEST(waits_end_with_their_client) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient other(engine.memory(), engine.roster());
  for (int round = 0; round < 20; round++) {
    TestClient client(engine.memory(), engine.roster());
    Waits waits(client);
    client.CloseAndDrain();
  }
  CHECK_EQ(other.Result(Nop()), 0);
}

TEST(waits_end_with_the_engine) {
  NEEDS_IO_URING();
  for (const bool terminated : {false, true}) {
    EngineSetUp set_up = SmallRing();
    set_up.idle_wait_ms = 10;
    TestEngine engine(set_up);
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker);
    Waits waits(client);
    terminated ? engine.Terminate() : engine.Stop(0);
    waits.Expect(-ECANCELED);
    CHECK_EQ(waker->orphaned.load(), 1);
  }
}

}  // namespace
}  // namespace ringpost
