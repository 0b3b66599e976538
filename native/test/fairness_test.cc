// Several clients on one engine: whose turn it is, and how much is taken at a time.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "counting_waker.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

// An engine on the test's own thread returns after its idle wait, and now and then.
template <typename Condition>
void RunUntil(Engine& engine, Condition holds) {
  for (int nth = 0; nth < 1000 && !holds(); nth++) CHECK_EQ(engine.Run(), 0);
  CHECK(holds());
}

uint64_t DrainedBy(const SharedMemory& memory) {
  return memory.counter(protocol::engine_counter::kClientsDrained);
}

// The engine runs on the test's own thread here, and wakes the polite client in the middle of its
// round: so what it has done by then is plain to see.
TEST(a_full_request_ring_does_not_hold_up_the_next_client) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 256;
  set_up.ring_entries = 64;
  set_up.idle_wait_ms = 10;
  const TestMemory memory(2, set_up.slot_count, set_up.initial_index);
  const auto roster = Roster::Create(2, set_up.slot_count);
  std::unique_ptr<Engine> engine;
  REQUIRE(Engine::Start(memory.shared(), roster, set_up.Options(), &engine) == 0);
  for (const bool greedy_sits_first : {true, false}) {
    std::function<void()> on_wake;
    const auto waker = std::make_shared<CountingWaker>([&] { on_wake(); });
    TestClient first(memory.shared(), *roster, greedy_sits_first ? nullptr : waker);
    TestClient second(memory.shared(), *roster, greedy_sits_first ? waker : nullptr);
    TestClient& greedy = greedy_sits_first ? first : second;
    TestClient& polite = greedy_sits_first ? second : first;
    const uint64_t& served = greedy.mailbox().counters[protocol::service_counter::kReplied];
    const uint64_t served_before = served;
    uint64_t served_first = 0;
    on_wake = [&] { served_first = served - served_before; };
    while (greedy.HasFreeSlot()) greedy.Post(Nop());
    greedy.Publish();
    const uint32_t slot = polite.Post(Nop());
    polite.Publish();
    Park(*polite.mailbox().parked);
    RunUntil(*engine, [&] { return waker->wakes == 1; });
    CHECK_EQ(polite.AwaitReply(slot).result, 0);
    CHECK(served_first <= set_up.ring_entries);
    // The close needs the engine: both clients leave while it runs.
    const uint64_t drained = DrainedBy(memory.shared());
    first.Close();
    second.Close();
    RunUntil(*engine, [&] { return DrainedBy(memory.shared()) == drained + 2; });
  }
}

TEST(a_greedy_client_does_not_starve_a_polite_one) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 128;
  set_up.ring_entries = 16;
  TestEngine engine(set_up);
  std::atomic<bool> enough = false;
  std::atomic<uint64_t> greedy_replies = 0;
  std::thread greedy_thread([&] {
    TestClient greedy(engine.memory(), engine.roster());
    while (!enough || greedy.in_flight() > 0) {
      while (!enough && greedy.HasFreeSlot()) greedy.Post(Nop());
      greedy.Publish();
      greedy_replies += greedy.TakeReplies([](const Reply&) {});
    }
    CHECK_EQ(greedy.strays(), 0);
  });
  CHECK(Await([&] { return greedy_replies > 1000; }));
  TestClient polite(engine.memory(), engine.roster());
  for (uint32_t nth = 0; nth < 200; nth++) CHECK_EQ(polite.Result(Nop()), 0);
  const uint64_t served_meanwhile = greedy_replies;
  CHECK(Await([&] { return greedy_replies > served_meanwhile; }));
  enough = true;
  greedy_thread.join();
}

// An engine that runs when the test says so.
class SteppedEngine {
 public:
  explicit SteppedEngine(const EngineSetUp& set_up)
      : memory_(set_up.max_clients, set_up.slot_count, set_up.initial_index),
        roster_(Roster::Create(set_up.max_clients, set_up.slot_count)) {
    CHECK_EQ(Engine::Start(memory_.shared(), roster_, set_up.Options(), &engine_), 0);
  }
  [[nodiscard]] const SharedMemory& memory() const { return memory_.shared(); }
  [[nodiscard]] Roster& roster() const { return *roster_; }
  Engine& operator*() const { return *engine_; }
  // The engine sees to it that its clients can go.
  void Close(const std::vector<TestClient*>& clients) {
    const uint64_t drained = DrainedBy(memory());
    for (TestClient* client : clients) client->Close();
    RunUntil(*engine_, [&] { return DrainedBy(memory()) == drained + clients.size(); });
  }

 private:
  const TestMemory memory_;
  const std::shared_ptr<Roster> roster_;
  std::unique_ptr<Engine> engine_;
};

void PostAll(TestClient& client) {
  while (client.HasFreeSlot()) client.Post(Nop());
  client.Publish();
}

uint64_t TakenOf(const TestClient& client) {
  return client.mailbox().counters[protocol::service_counter::kTaken];
}

// Has one request at a time: it asks, sleeps, and is woken in the middle of the engine's round.
class PoliteClient {
 public:
  explicit PoliteClient(const SteppedEngine& engine)
      : client(engine.memory(), engine.roster(),
               std::make_shared<CountingWaker>([this] { on_wake(); })) {}

  void Ask() {
    slot_ = client.Post(Nop());
    client.Publish();
    Park(*client.mailbox().parked);
  }
  void TakeReply() { CHECK_EQ(client.AwaitReply(slot_).result, 0); }

  std::function<void()> on_wake;
  TestClient client;

 private:
  uint32_t slot_ = 0;
};

// What is taken of two clients that always have more, while a third one is served once per round.
void ExpectShares(uint32_t ring_entries, uint32_t rounds) {
  constexpr uint32_t kWeight = 4;
  EngineSetUp set_up;
  set_up.slot_count = 1024;
  set_up.ring_entries = ring_entries;
  set_up.idle_wait_ms = 10;
  SteppedEngine engine(set_up);
  PoliteClient polite(engine);
  TestClient light(engine.memory(), engine.roster());
  TestClient heavy(engine.memory(), engine.roster(), nullptr, {.weight = kWeight});
  PostAll(light);
  PostAll(heavy);
  // A turn is of more requests or fewer, as suits the engine; never more than so many.
  constexpr uint64_t kLongestTurn = 32;
  uint64_t before = 0;
  uint32_t round = 0;
  polite.on_wake = [&] {
    polite.TakeReply();
    const uint64_t taken = TakenOf(light);
    CHECK(taken <= before + 2 * kLongestTurn);  // the rest of a turn, and the next one
    // Never more than a turn ahead of its share, whatever fits into the submission queue at a time.
    CHECK(TakenOf(heavy) + kLongestTurn * kWeight >= taken * kWeight);
    CHECK(TakenOf(heavy) <= (taken + kLongestTurn) * kWeight);
    before = taken;
    if (++round < rounds) return polite.Ask();
    CHECK(taken >= rounds);
    CHECK(TakenOf(heavy) < set_up.slot_count);  // it had more all the time
  };
  polite.Ask();
  RunUntil(*engine, [&] { return round == rounds; });
  engine.Close({&polite.client, &light, &heavy});
}

TEST(what_is_taken_of_clients_that_always_have_more_goes_by_their_weight) {
  NEEDS_IO_URING();
  ExpectShares(256, 6);
}

TEST(so_it_does_where_a_turn_is_more_than_the_submission_queue_holds) {
  NEEDS_IO_URING();
  ExpectShares(16, 6);
}

// Cancellations take no room of the submission queue. Their client is the only one that has posted
// of late; the other one waits for what it has posted long ago.
TEST(a_ring_full_of_cancellations_does_not_hold_up_a_reply) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 64;
  set_up.idle_wait_ms = 10;
  SteppedEngine engine(set_up);
  std::function<void()> on_wake;
  const auto waker = std::make_shared<CountingWaker>([&] { on_wake(); });
  TestClient polite(engine.memory(), engine.roster(), waker);
  TestClient greedy(engine.memory(), engine.roster());
  const auto cancel = [&] { greedy.PostCancel(protocol::cancel_scope::kDescriptor, 0, 9999); };
  const uint32_t capacity = greedy.Room();
  uint32_t taken_first = 0;
  on_wake = [&] { taken_first = greedy.Room(); };
  const Pipe pipe;
  char text[4] = {};
  const uint32_t slot = polite.Post(Read(pipe.out.get(), text, 4, kCurrentPosition));
  polite.Publish();
  RunUntil(*engine, [&] { return TakenOf(polite) == 1; });
  cancel();
  greedy.Publish();
  RunUntil(*engine, [&] { return greedy.Room() == capacity; });
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  pipe.Write("abc");
  Park(*polite.mailbox().parked);
  while (greedy.Room() > 0) cancel();
  greedy.Publish();
  RunUntil(*engine, [&] { return waker->wakes == 1; });
  CHECK_EQ(polite.AwaitReply(slot).result, 3);
  CHECK(taken_first > 0 && taken_first <= set_up.ring_entries);
  RunUntil(*engine, [&] { return greedy.Room() == capacity; });
  engine.Close({&polite, &greedy});
}

// From the moment on at which it is seen that there are two, and that one of them has few.
TEST(beside_a_client_that_has_few_the_others_are_served_in_small_pieces) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 1024;
  set_up.ring_entries = 256;
  set_up.idle_wait_ms = 10;
  SteppedEngine engine(set_up);
  PoliteClient polite(engine);
  TestClient greedy(engine.memory(), engine.roster());
  PostAll(greedy);
  constexpr uint32_t kRounds = 20;
  uint32_t round = 0;
  uint64_t before = 0;
  polite.on_wake = [&] {
    polite.TakeReply();
    const uint64_t taken = TakenOf(greedy);
    if (round > 1) CHECK(taken - before <= 2);
    before = taken;
    if (++round < kRounds) polite.Ask();
  };
  polite.Ask();
  RunUntil(*engine, [&] { return round == kRounds; });
  engine.Close({&polite.client, &greedy});
}

// Nor does one have more than a few transfers under way there; unless they wait, perhaps for what
// is to be taken next, as those of a pipe do.
TEST(beside_a_client_that_has_few_another_has_few_transfers_as_long_as_they_end) {
  NEEDS_IO_URING();
  constexpr uint32_t kReads = 64;
  constexpr uint64_t kSoonNs = 10'000'000;
  constexpr uint64_t kFirstTurn = 32;  // before it is seen that there are two
  EngineSetUp set_up;
  set_up.slot_count = kReads;
  set_up.idle_wait_ms = 10;
  SteppedEngine engine(set_up);
  const Pipe pipe;
  PoliteClient polite(engine);
  TestClient greedy(engine.memory(), engine.roster());
  char bytes[kReads + 1] = {};
  const Pipe own;
  polite.client.Post(Read(own.out.get(), &bytes[kReads], 1, 0));
  for (uint32_t nth = 0; nth < kReads; nth++) greedy.Post(Read(pipe.out.get(), &bytes[nth], 1, 0));
  greedy.Publish();
  const uint64_t began_ns = MonotonicNs();
  polite.on_wake = [&] {
    const uint64_t taken = TakenOf(greedy);
    if (MonotonicNs() - began_ns < kSoonNs) CHECK(taken <= kFirstTurn);
    polite.TakeReply();
    polite.Ask();
  };
  polite.Ask();
  RunUntil(*engine, [&] { return TakenOf(greedy) == kReads; });
  CHECK(MonotonicNs() - began_ns >= kSoonNs);
  polite.on_wake = [] {};
  own.Write("x");
  pipe.Write(std::string(kReads, 'x').c_str());
  engine.Close({&polite.client, &greedy});
}

TEST(a_client_that_never_reads_its_replies_stalls_nobody) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 16;
  set_up.ring_entries = 8;
  TestEngine engine(set_up);
  const auto waker = std::make_shared<CountingWaker>();
  TestClient deaf(engine.memory(), engine.roster(), waker);
  Park(*deaf.mailbox().parked);  // and it doesn't wake up either
  PostAll(deaf);
  TestClient other(engine.memory(), engine.roster());
  for (uint32_t nth = 0; nth < 2000; nth++) CHECK_EQ(other.Result(Nop()), 0);
  CHECK_EQ(waker->wakes.load(), 1);
  uint32_t replies = 0;
  CHECK(Await([&] {
    replies += deaf.TakeReplies([](const Reply& reply) { CHECK_EQ(reply.result, 0); });
    return replies == set_up.slot_count;
  }));
  CHECK_EQ(deaf.strays(), 0);
}

}  // namespace
}  // namespace ringpost
