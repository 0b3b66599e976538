// An engine that stops while something is still in flight (native/src/take_requests.cc): it takes
// what cancels or asks for events, and tells whoever posts requests.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "blocked_reads.h"
#include "check.h"
#include "counting_waker.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"
#include "variant.h"

namespace ringpost {
namespace {

namespace flag = protocol::opcode_flag;
namespace note = protocol::reply_note;
namespace scope = protocol::cancel_scope;

// Longer than any deadline of a test: nothing ends by it.
constexpr uint32_t kLongGraceMs = 120'000;

bool SaysStopping(const Reply& reply) {
  return reply.result == -ESHUTDOWN && reply.note == note::kStopping;
}

// Returns when the engine knows; something of the client is in flight.
void BeginToStop(TestEngine& engine, TestClient& client) {
  engine.roster().Stop(kLongGraceMs);
  CHECK(Await([&] { return SaysStopping(client.Ask(Nop())); }));
}

TEST(cancellations_reach_an_engine_that_stops) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  BlockedReads reads(client, 3);
  const Pipe pipe;
  char text[4] = {};
  const int fd = pipe.out.get();
  const uint32_t on_descriptor = client.Post(Read(fd, text, sizeof(text), kCurrentPosition));
  client.Publish();
  CHECK_EQ(client.Result(Nop()), 0);
  BeginToStop(engine, client);
  const auto expect_cancelled = [&](uint32_t slot) {
    client.Publish();
    CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
  };
  client.PostCancel(scope::kRequest, reads.slots()[0]);
  expect_cancelled(reads.slots()[0]);
  client.PostCancel(scope::kDescriptor, 0, fd);
  expect_cancelled(on_descriptor);
  CHECK_EQ(client.in_flight(), 2);
  client.PostCancel(scope::kAll, 0);
  for (const uint32_t slot : {reads.slots()[1], reads.slots()[2]}) expect_cancelled(slot);
  engine.Stop(kLongGraceMs);
}

TEST(who_posts_to_an_engine_that_stops_is_told) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  BlockedReads reads(client, 2);
  BeginToStop(engine, client);
  const int descriptors = OpenDescriptors();
  char text[8] = {};
  for (uint32_t round = 0; round < Repetitions(500, 100) && !check::HasFailed(); round++) {
    std::vector<uint32_t> slots;
    slots.push_back(client.Post(Open(path.c_str(), O_RDONLY)));
    slots.push_back(client.Post(ReadFile(path.c_str(), text, sizeof(text))));
    TestRequest step = Operation(protocol::opcode::kPipe);
    step.words.opcode |= flag::kChain | flag::kDrain | flag::kLink;
    slots.push_back(client.Post(step));
    step = Nop();
    step.words.opcode |= flag::kLink;
    slots.push_back(client.Post(step));
    slots.push_back(client.Post(CloseFd(2)));
    slots.push_back(client.Post(Until(1, Nop())));
    client.Publish();
    for (const uint32_t slot : slots) CHECK(SaysStopping(client.AwaitReply(slot)));
  }
  CHECK_EQ(client.in_flight(), 2);
  CHECK_EQ(client.strays(), 0);
  CHECK_EQ(text[0], '\0');
  CHECK_EQ(OpenDescriptors(), descriptors);
  reads.Write();
  for (const uint32_t slot : reads.slots()) CHECK_EQ(client.AwaitReply(slot).result, 4);
  engine.Stop(kLongGraceMs);
}

// The slot once had an open, whose reply the client has read.
TEST(a_refusal_that_nobody_reads_closes_nothing_of_the_programs) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  TestEngine engine(SmallRing());
  TestClient other(engine.memory(), engine.roster());
  BlockedReads reads(other, 1);
  TestClient client(engine.memory(), engine.roster());
  const UniqueFd fd(client.Result(Open(path.c_str(), O_RDONLY)));
  CHECK(fd.valid());
  BeginToStop(engine, other);
  uint64_t& replied = client.mailbox().counters[protocol::service_counter::kReplied];
  client.Post(Nop());
  client.Publish();
  CHECK(Await([&] { return std::atomic_ref(replied).load(std::memory_order_relaxed) == 2; }));
  client.CloseAndDrain();
  CHECK(::fcntl(fd.get(), F_GETFD) >= 0);
  engine.Stop(0);
  reads.ExpectCancelled();
}

TEST(a_stream_goes_on_until_its_engine_has_stopped) {
  NEEDS_IO_URING();
  EngineSetUp polls_once_only = SmallRing();
  polls_once_only.without_features = abi::kFeatRsrcTags;
  for (const EngineSetUp& set_up : {SmallRing(), polls_once_only}) {
    TestEngine engine(set_up);
    TestClient client(engine.memory(), engine.roster());
    const Pipe pipe;
    const uint32_t slot = client.Post(PollEvents(pipe.out.get(), POLLIN));
    CHECK_EQ(client.Result(Nop()), 0);
    BeginToStop(engine, client);
    for (int round = 0; round < 3; round++) {
      pipe.Write("a");
      CHECK_EQ(client.AwaitEvents(slot), POLLIN);
      char text[4];
      CHECK_EQ(::read(pipe.out.get(), text, sizeof(text)), 1);
      client.PostNextEvents(slot);
      client.Publish();
    }
    client.PostCancel(scope::kRequest, slot);
    client.Publish();
    CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
    engine.Stop(kLongGraceMs);
  }
}

std::atomic<bool> mkdir_may_end = false;

int32_t CallWhenItMay(const abi::Sqe& sqe) {
  (void)Await([] { return mkdir_may_end.load(); });
  return CallPlainly(sqe);
}

// What goes on with something begun has the same grace as that, and no other one.
TEST(after_the_grace_nothing_goes_on) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.without_operations = uint64_t{1} << abi::kOpMkdirat;
  set_up.plain_call = CallWhenItMay;
  const TestFolder folder;
  const std::string fifo = folder.File("fifo");
  CHECK_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd writer(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  CHECK_EQ(::write(writer.get(), "abcd", 4), 4);
  TestEngine engine(set_up);
  TestClient other(engine.memory(), engine.roster());
  TestClient client(engine.memory(), engine.roster());
  char text[4] = {};
  const Reply first = client.Ask(ReadFile(fifo.c_str(), text, sizeof(text)));
  CHECK_EQ(first.note, protocol::reply_note::kKeepsFd);
  int32_t kept = -1;
  std::memcpy(&kept, client.mailbox().Result(first.slot), sizeof(kept));
  TestRequest mkdir = Operation(protocol::opcode::kMkdir);
  const std::string made = folder.File("made");
  mkdir.path = made.c_str();
  const uint32_t held_up = other.Post(mkdir);
  other.Publish();
  CHECK_EQ(other.Result(Nop()), 0);
  engine.roster().Stop(20);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  TestRequest rest = ReadRest(kept, text, sizeof(text), sizeof(text));
  rest.words.opcode |= protocol::opcode_flag::kContinues;
  const Reply refused = client.Ask(rest);
  CHECK(SaysStopping(refused));
  mkdir_may_end = true;
  CHECK_EQ(other.AwaitReply(held_up).slot, held_up);
  engine.Stop(0);
}

// Whatever an engine hasn't answered when it orphans its clients it has never taken.
TEST(posting_and_stopping_race) {
  NEEDS_IO_URING();
  for (uint32_t round = 0; round < Repetitions(300, 60) && !check::HasFailed(); round++) {
    TestEngine engine(SmallRing());
    std::atomic<int> posting = 0;
    std::vector<std::thread> threads;
    for (int nth = 0; nth < 2; nth++) {
      threads.emplace_back([&] {
        const auto waker = std::make_shared<CountingWaker>();
        TestClient client(engine.memory(), engine.roster(), waker);
        uint64_t others = 0;
        const auto take = [&] {
          client.TakeReplies([&](const Reply& reply) {
            if (reply.result != 0 && !SaysStopping(reply)) others++;
          });
        };
        posting++;
        CHECK(Await([&] {
          while (client.HasFreeSlot()) client.Post(Nop());
          client.Publish();
          take();
          return waker->orphaned > 0;
        }));
        take();
        CHECK_EQ(others, 0);
        CHECK_EQ(client.strays(), 0);
      });
    }
    CHECK(Await([&] { return posting == 2; }));
    engine.Stop(round % 2 == 0 ? 0 : 1);
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace ringpost
