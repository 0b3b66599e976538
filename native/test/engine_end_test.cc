// Cancel, close, stop, shutdown (native/src/engine.cc), with reads in flight that would never end
// by themselves: every request gets its reply, every descriptor is closed, and no memory is touched
// afterwards.
#include <atomic>
#include <cerrno>
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

constexpr uint32_t kLongGraceMs = 60'000;

// For engines that are terminated: that is noticed after an idle wait.
EngineSetUp WithShortWaits() {
  EngineSetUp set_up = SmallRing();
  set_up.idle_wait_ms = 10;
  return set_up;
}

TEST(a_closed_client_leaves_nothing_behind) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  TestEngine engine(SmallRing());
  const int descriptors = OpenDescriptors();
  for (uint32_t round = 0; round < Repetitions(200, 60) && !check::HasFailed(); round++) {
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker);
    BlockedReads reads(client, 3);
    // Descriptors that are on their way to the client, or in replies that it never reads.
    char text[4] = {};
    uint64_t& replied = client.mailbox().counters[protocol::service_counter::kReplied];
    const auto replies = [&] { return std::atomic_ref(replied).load(std::memory_order_relaxed); };
    const uint64_t replies_before = replies();
    for (int nth = 0; nth < 2; nth++) client.Post(Open(path.c_str(), O_RDONLY));
    client.Post(ReadFile(path.c_str(), text, sizeof(text)));
    client.Publish();
    const uint64_t wanted = round % 4;
    CHECK(Await([&] { return replies() - replies_before >= wanted; }));
    client.CloseAndDrain();
    CHECK_EQ(waker->orphaned.load(), 0);
    reads.ExpectLetGo();
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
  CHECK_EQ(engine.counter(protocol::engine_counter::kClientsDrained), Repetitions(200, 60));
}

// Whatever its memory says by then.
TEST(a_closed_client_leaves_no_pipe_and_closes_none_of_others) {
  NEEDS_IO_URING();
  EngineSetUp plainly = SmallRing();
  plainly.without_operations = uint64_t{1} << abi::kOpPipe;
  for (const EngineSetUp& set_up : {SmallRing(), plainly}) {
    TestEngine engine(set_up);
    const Pipe others;
    const int32_t named[2] = {others.out.get(), others.in.get()};
    const int descriptors = OpenDescriptors();
    for (uint32_t round = 0; round < 50 && !check::HasFailed(); round++) {
      TestClient client(engine.memory(), engine.roster());
      uint32_t& tail = *client.mailbox().replies.tail;
      const uint32_t tail_before = LoadIndex(tail);
      for (int nth = 0; nth < 3; nth++) client.Post(Operation(protocol::opcode::kPipe));
      client.Publish();
      if (round % 2 == 1) {
        CHECK(Await([&] { return LoadIndex(tail) - tail_before == 3; }));
        for (uint32_t slot = 0; slot < 3; slot++)
          std::memcpy(client.mailbox().Result(slot), named, sizeof(named));
      }
      client.CloseAndDrain();
      CHECK_EQ(OpenDescriptors(), descriptors);
    }
    CHECK(::fcntl(named[0], F_GETFD) >= 0 && ::fcntl(named[1], F_GETFD) >= 0);
  }
}

TEST(a_pipe_is_no_step_of_a_chain) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  const int descriptors = OpenDescriptors();
  TestClient client(engine.memory(), engine.roster());
  TestRequest pipe = Operation(protocol::opcode::kPipe);
  pipe.words.opcode |= protocol::opcode_flag::kChain;
  CHECK_EQ(client.Result(pipe), -EINVAL);
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_client_that_read_its_reply_keeps_its_descriptor) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const UniqueFd fd(client.Result(Open(path.c_str(), O_RDONLY)));
  CHECK(fd.valid());
  client.CloseAndDrain();
  CHECK(::fcntl(fd.get(), F_GETFD) >= 0);
}

TEST(clients_come_and_go_while_others_work) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  const int descriptors = OpenDescriptors();
  std::vector<std::thread> threads;
  for (int nth = 0; nth < 3; nth++) {
    threads.emplace_back([&] {
      for (uint32_t visit = 0; visit < Repetitions(300, 80); visit++) {
        TestClient client(engine.memory(), engine.roster());
        if (!CHECK(client.seat() >= 0)) return;
        BlockedReads reads(client, 1 + visit % 5);
        if (visit % 3 == 0) client.CancelAll();
        client.CloseAndDrain();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(stop_lets_finish_what_finishes_in_time) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  const auto waker = std::make_shared<CountingWaker>();
  TestClient client(engine.memory(), engine.roster(), waker);
  BlockedReads reads(client, 4);
  engine.roster().Stop(kLongGraceMs);
  CHECK(Await([&] { return TestClient(engine.memory(), engine.roster()).seat() == -ESHUTDOWN; }));
  CHECK_EQ(waker->orphaned.load(), 0);
  reads.Write();
  for (const uint32_t slot : reads.slots()) CHECK_EQ(client.AwaitReply(slot).result, 4);
  engine.Stop(kLongGraceMs);
  CHECK_EQ(waker->orphaned.load(), 1);
}

TEST(stop_cancels_the_rest_after_its_grace) {
  NEEDS_IO_URING();
  for (const uint32_t grace_ms : {0u, 30u}) {
    TestEngine engine(SmallRing());
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker);
    BlockedReads reads(client, 5);
    engine.Stop(grace_ms);
    CHECK_EQ(waker->orphaned.load(), 1);
    // The replies are still there to be read.
    reads.ExpectCancelled();
    reads.ExpectLetGo();
  }
}

// As of others that go on posting, whose requests aren't taken.
TEST(doorbells_do_not_lengthen_the_grace) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  BlockedReads reads(client, 3);
  std::atomic<bool> stopped = false;
  std::atomic<bool> too_late = false;
  std::thread ringing([&] {
    const auto end = std::chrono::steady_clock::now() + kDeadline / 3;
    while (!stopped && !too_late) {
      engine.roster().RingDoorbell();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      too_late = std::chrono::steady_clock::now() > end;
    }
  });
  engine.Stop(200);
  stopped = true;
  ringing.join();
  CHECK(!too_late);
  reads.ExpectCancelled();
}

TEST(a_second_stop_shortens_the_grace) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  BlockedReads reads(client, 3);
  engine.roster().Stop(kLongGraceMs);
  engine.Stop(0);
  reads.ExpectCancelled();
}

TEST(an_idle_engine_stops_at_once) {
  NEEDS_IO_URING();
  for (int round = 0; round < 20; round++) {
    TestEngine engine(SmallRing());
    engine.Stop(kLongGraceMs);
  }
}

TEST(a_terminated_engine_lets_go_of_all_memory) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  for (uint32_t round = 0; round < Repetitions(30, 15) && !check::HasFailed(); round++) {
    TestEngine engine(WithShortWaits());
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker);
    TestClient other(engine.memory(), engine.roster());
    BlockedReads reads(client, 5);
    BlockedReads others_reads(other, 2);
    engine.Terminate();
    CHECK_EQ(waker->orphaned.load(), 1);
    reads.ExpectCancelled();
    others_reads.ExpectCancelled();
    reads.ExpectLetGo();
    others_reads.ExpectLetGo();
    CHECK_EQ(TestClient(engine.memory(), engine.roster()).seat(), -ESHUTDOWN);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_client_that_outlives_its_engine_leaves_no_descriptor_unread) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  const int descriptors = OpenDescriptors();
  TestEngine engine(WithShortWaits());
  TestClient client(engine.memory(), engine.roster());
  const UniqueFd read(client.Result(Open(path.c_str(), O_RDONLY)));
  for (int opens = 0; opens < 3; opens++) client.Post(Open(path.c_str(), O_RDONLY));
  client.Publish();
  uint64_t& replied = client.mailbox().counters[protocol::service_counter::kReplied];
  CHECK(Await([&] { return std::atomic_ref(replied).load(std::memory_order_relaxed) == 4; }));
  engine.Terminate();
  client.CloseAndDrain();
  CHECK(::fcntl(read.get(), F_GETFD) >= 0);
  CHECK_EQ(OpenDescriptors(), descriptors + 1 + 1);  // what was read, and the roster's doorbell
  CHECK_EQ(client.mailbox().counters[protocol::service_counter::kConnected], 0);
  CHECK_EQ(engine.counter(protocol::engine_counter::kClientsDrained), 1);
}

// As the lifecycle of a process that exits: the engine and its clients end at the same moment.
TEST(the_ends_of_engine_and_clients_race) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.FileWith("file", "0123456789");
  const int descriptors = OpenDescriptors();
  for (uint32_t round = 0; round < Repetitions(200, 60) && !check::HasFailed(); round++) {
    TestEngine engine(WithShortWaits());
    std::atomic<uint32_t> ready = 0;
    std::vector<std::thread> threads;
    for (int nth = 0; nth < 2; nth++) {
      threads.emplace_back([&] {
        TestClient client(engine.memory(), engine.roster());
        BlockedReads reads(client, 3);
        for (int opens = 0; opens < 3; opens++) client.Post(Open(path.c_str(), O_RDONLY));
        client.Publish();
        ready++;
        client.CloseAndDrain();
        reads.ExpectLetGo();
      });
    }
    CHECK(Await([&] { return ready == 2; }));
    if (round % 2 == 0) {
      engine.Terminate();
    } else {
      engine.Stop(0);
    }
    for (std::thread& thread : threads) thread.join();
    // Whoever was served counts as drained, whether the engine saw it go or was gone before.
    CHECK_EQ(engine.counter(protocol::engine_counter::kClientsDrained),
             engine.counter(protocol::engine_counter::kClientsOpened));
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
