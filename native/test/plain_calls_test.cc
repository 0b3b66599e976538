// System calls in the place of the ring (native/src/plain_calls.h, call_thread.h): what they say,
// and that requests they serve are cancelled, abandoned and ended as any others.
#include "plain_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "mapped_region.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"
#include "transfer.h"
#include "variant.h"

namespace ringpost {
namespace {

namespace opcode = protocol::opcode;
namespace scope = protocol::cancel_scope;

// Calls that wait at a gate before they are carried out, but for the first ones that it lets pass.
std::atomic<bool> gate_is_open = true;
std::atomic<uint32_t> may_pass = 0;
std::atomic<uint32_t> at_gate = 0;

int32_t CallBehindGate(const abi::Sqe& sqe) {
  const uint32_t nth = ++at_gate;
  CHECK(Await([nth] { return gate_is_open || nth <= may_pass; }));
  return CallPlainly(sqe);
}

EngineSetUp WithoutOperations() {
  EngineSetUp set_up = SmallRing();
  for (uint8_t operation = 0; operation < 64; operation++) {
    if (HasPlainCall(operation)) set_up.without_operations |= uint64_t{1} << operation;
  }
  return set_up;
}

EngineSetUp BehindGate() {
  EngineSetUp set_up = WithoutOperations();
  set_up.plain_call = CallBehindGate;
  set_up.idle_wait_ms = 10;  // so that a termination is noticed
  gate_is_open = false;
  may_pass = 0;
  at_gate = 0;
  return set_up;
}

TestRequest Mkdir(const std::string& path) {
  TestRequest request = Operation(opcode::kMkdir);
  request.path = path.c_str();
  request.words.mode = 0700;
  return request;
}

TestRequest Openat2(const std::string& path, uint32_t flags) {
  TestRequest request = Open(path.c_str(), flags, 0);
  request.words.opcode = opcode::kOpenat2;
  request.words.fd = AT_FDCWD;
  return request;
}

bool Exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

// The first of them is being carried out, at the gate; the others wait behind it.
std::vector<uint32_t> PostToGate(TestClient& client, const std::vector<std::string>& folders) {
  std::vector<uint32_t> slots;
  for (const std::string& folder : folders) slots.push_back(client.Post(Mkdir(folder)));
  client.Publish();
  CHECK(Await([] { return at_gate == 1; }));
  CHECK_EQ(client.Result(Nop()), 0);  // the ring is not held up, and has seen all of them
  return slots;
}

TEST(what_may_wait_for_ever_has_no_call) {
  for (const uint8_t operation :
       {abi::kOpRead, abi::kOpWrite, abi::kOpReadv, abi::kOpWritev, abi::kOpPollAdd, abi::kOpSplice,
        abi::kOpTee, abi::kOpOpenat, abi::kOpNop, abi::kOpTimeout, abi::kOpWaitid,
        abi::kOpFutexWait}) {
    CHECK(!HasPlainCall(operation));
    abi::Sqe sqe = {};
    sqe.opcode = operation;
    if (!IsRead(operation) && !IsWrite(operation)) CHECK_EQ(CallPlainly(sqe), -ENOSYS);
  }
  CHECK(HasPlainCall(abi::kOpMkdirat));
}

TEST(an_open_waits_for_nobody_and_its_descriptor_may_wait) {
  const TestFolder folder;
  const std::string path = folder.File("fifo");
  CHECK_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto open = [&](uint64_t flags) {
    const abi::OpenHow how = {flags | O_CLOEXEC, 0, 0};
    abi::Sqe sqe = {};
    sqe.opcode = abi::kOpOpenat2;
    sqe.fd = AT_FDCWD;
    sqe.address = reinterpret_cast<uint64_t>(path.c_str());
    sqe.offset = reinterpret_cast<uint64_t>(&how);
    return CallPlainly(sqe);
  };
  CHECK_EQ(open(O_WRONLY), -ENXIO);
  const UniqueFd waits(open(O_RDONLY));
  CHECK_EQ(::fcntl(waits.get(), F_GETFL) & O_NONBLOCK, 0);
  const UniqueFd never_waits(open(O_WRONLY | O_NONBLOCK));
  CHECK_EQ(::fcntl(never_waits.get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK(UniqueFd(open(O_PATH)).valid());
}

TEST(a_pipe_has_two_ends) {
  int32_t ends[2] = {-1, -1};
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpPipe;
  sqe.address = reinterpret_cast<uint64_t>(ends);
  sqe.op_flags = O_CLOEXEC | O_NONBLOCK;
  CHECK_EQ(CallPlainly(sqe), 0);
  const UniqueFd from(ends[0]);
  const UniqueFd to(ends[1]);
  CHECK_EQ(::fcntl(from.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  CHECK_EQ(::fcntl(to.get(), F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
  CHECK_EQ(::fcntl(to.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  sqe.op_flags = O_WRONLY;
  CHECK_EQ(CallPlainly(sqe), -EINVAL);
}

TEST(advice_takes_pages_away) {
  MappedRegion memory;
  CHECK_EQ(MappedRegion::Zeroed(2 * 4096, &memory), 0);
  std::memset(memory.base(), 0xc3, 2 * 4096);
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpMadvise;
  sqe.address = reinterpret_cast<uint64_t>(memory.base());
  sqe.length = 4096;
  sqe.op_flags = protocol::memory_advice::kDontneed;
  CHECK_EQ(CallPlainly(sqe), 0);
  CHECK_EQ(memory.base()[4095], 0);
  CHECK_EQ(memory.base()[4096], 0xc3);
  sqe.address++;
  CHECK_EQ(CallPlainly(sqe), -EINVAL);
}

TEST(a_missing_operation_is_carried_out_all_the_same) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string made = folder.File("made");
  TestEngine engine(WithoutOperations());
  TestClient client(engine.memory(), engine.roster());
  CHECK_EQ(client.Result(Mkdir(made)), 0);
  CHECK_EQ(client.Result(Mkdir(made)), -EEXIST);
  CHECK(Exists(made));
  CHECK_EQ(client.Result(Stat(made.c_str())), 0);
  CHECK_EQ(engine.counter(protocol::engine_counter::kPlainCalls), 3);
}

cpu_set_t cpus_of_call;

// The engine runs on the test's thread, which somebody binds meanwhile.
TEST(calls_may_run_where_the_engine_may_run_by_then) {
  NEEDS_IO_URING();
  cpu_set_t all;
  CHECK_EQ(::sched_getaffinity(0, sizeof(all), &all), 0);
  EngineSetUp set_up = WithoutOperations();
  set_up.idle_wait_ms = 10;
  set_up.plain_call = [](const abi::Sqe&) -> int32_t {
    return ::sched_getaffinity(0, sizeof(cpus_of_call), &cpus_of_call);
  };
  const TestMemory memory(set_up.max_clients, set_up.slot_count, set_up.initial_index);
  const auto roster = Roster::Create(set_up.max_clients, set_up.slot_count);
  std::unique_ptr<Engine> engine;
  REQUIRE(Engine::Start(memory.shared(), roster, set_up.Options(), &engine) == 0);
  TestClient client(memory.shared(), *roster);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(::sched_getcpu()), &one);
  CHECK_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  const uint32_t slot = client.Post(Mkdir("/"));
  client.Publish();
  CHECK(Await([&] {
    CHECK_EQ(engine->Run(), 0);
    client.KeepReplies();
    return client.in_flight() == 0;
  }));
  CHECK(client.AwaitReply(slot).result >= 0);
  CHECK(CPU_EQUAL(&cpus_of_call, &one));
  CHECK_EQ(::sched_setaffinity(0, sizeof(all), &all), 0);
  engine->Shutdown();
}

TEST(what_has_no_call_is_refused) {
  NEEDS_IO_URING();
  EngineSetUp set_up = WithoutOperations();
  set_up.without_operations |= uint64_t{1} << abi::kOpTee;
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  CHECK_EQ(client.Result(Operation(opcode::kTee, 0)), -ENOSYS);
  CHECK_EQ(engine.counter(protocol::engine_counter::kPlainCalls), 0);
}

TEST(a_cancel_takes_out_what_waits_and_lets_end_what_runs) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::vector<std::string> folders = {folder.File("a"), folder.File("b"), folder.File("c"),
                                            folder.File("d")};
  TestEngine engine(BehindGate());
  TestClient client(engine.memory(), engine.roster());
  const std::vector<uint32_t> slots = PostToGate(client, folders);
  client.PostCancel(scope::kRequest, slots[0]);
  client.PostCancel(scope::kRequest, slots[3]);
  client.PostCancel(scope::kRequest, slots[1]);
  client.Publish();
  CHECK_EQ(client.AwaitReply(slots[1]).result, -ECANCELED);
  CHECK_EQ(client.AwaitReply(slots[3]).result, -ECANCELED);
  const uint32_t behind = client.Post(Stat(folders[0].c_str()));
  client.Publish();
  gate_is_open = true;
  CHECK_EQ(client.AwaitReply(slots[0]).result, 0);
  CHECK_EQ(client.AwaitReply(slots[2]).result, 0);
  CHECK_EQ(client.AwaitReply(behind).result, 0);
  CHECK(Exists(folders[0]) && !Exists(folders[1]) && Exists(folders[2]) && !Exists(folders[3]));
  CHECK_EQ(client.strays(), 0);
}

// Or the call would reach another file of the same number.
TEST(a_close_waits_for_calls_on_its_descriptor) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.File("file");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0);
  TestEngine engine(BehindGate());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  TestRequest truncate = Operation(opcode::kFtruncate, fd);
  truncate.words.position_low = 4096;
  const uint32_t truncating = client.Post(truncate);
  client.Publish();
  CHECK(Await([] { return at_gate.load() == 1; }));
  const uint32_t closing = other.Post(CloseFd(fd));
  other.Publish();
  CHECK_EQ(other.Result(Nop()), 0);  // the close was taken before it
  CHECK(::fcntl(fd, F_GETFD) >= 0);
  gate_is_open = true;
  CHECK_EQ(client.AwaitReply(truncating).result, 0);
  CHECK_EQ(other.AwaitReply(closing).result, 0);
  CHECK(::fcntl(fd, F_GETFD) < 0);
}

// Or those that come all the time would keep it from ever closing.
TEST(a_close_waits_for_no_call_that_was_asked_for_after_it) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const int fd = ::open(folder.File("file").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0);
  TestEngine engine(BehindGate());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  const uint32_t before = client.Post(Operation(opcode::kFtruncate, fd));
  client.Publish();
  CHECK(Await([] { return at_gate.load() == 1; }));
  const uint32_t closing = other.Post(CloseFd(fd));
  other.Publish();
  CHECK_EQ(other.Result(Nop()), 0);
  const uint32_t after = client.Post(Operation(opcode::kFtruncate, fd));
  CHECK_EQ(client.Result(Nop()), 0);
  CHECK(::fcntl(fd, F_GETFD) >= 0);
  may_pass = 1;
  CHECK_EQ(client.AwaitReply(before).result, 0);
  CHECK_EQ(other.AwaitReply(closing).result, 0);
  gate_is_open = true;
  CHECK_EQ(client.AwaitReply(after).result, -EBADF);
}

TEST(what_is_overdue_while_it_waits_says_so) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string first = folder.File("first");
  const std::string second = folder.File("second");
  TestEngine engine(BehindGate());
  TestClient client(engine.memory(), engine.roster());
  const std::vector<uint32_t> slots = PostToGate(client, {first});
  CHECK_EQ(client.Result(Until(MonotonicNs() + 1'000'000, Mkdir(second))), -ETIMEDOUT);
  gate_is_open = true;
  CHECK_EQ(client.AwaitReply(slots[0]).result, 0);
  CHECK(!Exists(second));
}

TEST(a_client_that_goes_leaves_nothing_waiting_and_no_descriptor) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string file = folder.FileWith("file", "x");
  const std::string never = folder.File("never");
  TestEngine engine(BehindGate());
  const int descriptors = OpenDescriptors();
  std::atomic<bool> gone = false;
  std::thread leaver([&] {
    TestClient client(engine.memory(), engine.roster());
    client.Post(Openat2(file, O_RDONLY));
    client.Post(Mkdir(never));
    client.Post(Openat2(file, O_RDONLY));
    client.Publish();
    CHECK(Await([] { return at_gate == 1; }));
    CHECK_EQ(client.Result(Nop()), 0);
    client.CloseAndDrain();
    gone = true;
  });
  CHECK(Await([] { return at_gate == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK(!gone);  // its memory is in use
  TestClient other(engine.memory(), engine.roster());
  CHECK_EQ(other.Result(Nop()), 0);
  gate_is_open = true;
  leaver.join();
  CHECK_EQ(OpenDescriptors(), descriptors);
  CHECK(!Exists(never));
  CHECK_EQ(at_gate.load(), 1);
}

TEST(an_engine_that_ends_waits_for_what_runs_alone) {
  NEEDS_IO_URING();
  for (const bool terminated : {false, true}) {
    const TestFolder folder;
    const std::vector<std::string> folders = {folder.File("a"), folder.File("b"), folder.File("c")};
    TestEngine engine(BehindGate());
    TestClient client(engine.memory(), engine.roster());
    const std::vector<uint32_t> slots = PostToGate(client, folders);
    std::thread opener([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      gate_is_open = true;
    });
    terminated ? engine.Terminate() : engine.Stop(0);
    opener.join();
    CHECK_EQ(client.AwaitReply(slots[0]).result, 0);
    CHECK_EQ(client.AwaitReply(slots[1]).result, -ECANCELED);
    CHECK_EQ(client.AwaitReply(slots[2]).result, -ECANCELED);
    CHECK(Exists(folders[0]) && !Exists(folders[1]) && !Exists(folders[2]));
    CHECK_EQ(at_gate.load(), 1);
  }
}

// Among requests of the ring, with cancellations at any moment.
void AskAndCancel(TestEngine& engine, const TestFolder& folder, uint32_t nth_client) {
  TestClient client(engine.memory(), engine.roster());
  if (!CHECK(client.seat() >= 0)) return;
  const std::string file = folder.FileWith(std::to_string(nth_client).c_str(), "x");
  uint32_t settled = 0;
  const auto take = [&] {
    return client.TakeReplies([&](const Reply& reply) {
      settled++;
      CHECK(reply.result >= 0 || reply.result == -ECANCELED);
      if (reply.result > 0) UniqueFd(reply.result).Reset();
    });
  };
  const uint32_t count = Repetitions(5'000, 1'000);
  for (uint32_t posted = 0; settled < count;) {
    while (posted < count && client.HasFreeSlot()) {
      const uint32_t slot = client.Post(posted % 3 == 0   ? Nop()
                                        : posted % 3 == 1 ? Stat(file.c_str())
                                                          : Openat2(file, O_RDONLY));
      if (++posted % 7 == 0) client.PostCancel(scope::kRequest, slot);
    }
    client.Publish();
    if (!CHECK(Await([&] { return take() > 0; }))) return;
  }
  CHECK_EQ(client.strays(), 0);
}

TEST(thousands_of_two_clients_each_have_one_reply) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const int descriptors = OpenDescriptors();
  {
    TestEngine engine(WithoutOperations());
    std::thread one([&] { AskAndCancel(engine, folder, 1); });
    std::thread other([&] { AskAndCancel(engine, folder, 2); });
    one.join();
    other.join();
    CHECK(engine.counter(protocol::engine_counter::kPlainCalls) > 0);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
