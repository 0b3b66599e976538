// The engine's loop (native/src/engine.cc): whom it tells, when it comes back, whom it serves.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "counting_waker.h"
#include "engine.h"
#include "random.h"
#include "real_ring.h"
#include "test_engine.h"
#include "variant.h"

namespace ringpost {
namespace {

TEST(a_sleeping_client_is_notified) {
  NEEDS_IO_URING();
  TestEngine engine({});
  const auto waker = std::make_shared<CountingWaker>();
  TestClient client(engine.memory(), engine.roster(), waker);
  for (int nth = 0; nth < 300 && !check::HasFailed(); nth++) {
    const uint32_t slot = client.Post(Nop());
    client.Publish();
    CHECK(client.SleepUntilNotified());
    CHECK_EQ(client.AwaitReply(slot).result, 0);
  }
  client.CloseAndDrain();
  CHECK(waker->wakes <= 300);
}

// A publish at any moment of the engine's way to its sleep. A wake-up that is lost stays lost: no
// idle wait ends before the deadline.
TEST(a_request_that_comes_as_the_engine_falls_asleep_is_taken) {
  NEEDS_IO_URING();
  TestEngine engine({});
  TestClient client(engine.memory(), engine.roster());
  Random random(1);
  for (uint32_t nth = 0; nth < Repetitions(60'000, 15'000) && !check::HasFailed(); nth++) {
    for (uint32_t turns = random.Below(random.OneIn(2) ? 300 : 5000); turns > 0; turns--) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    CHECK_EQ(client.Result(Nop()), 0);
  }
}

TEST(the_roster_has_a_place_for_as_many_as_were_planned) {
  NEEDS_IO_URING();
  TestEngine engine({});
  for (int round = 0; round < 3; round++) {
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int nth = 0; nth < 4; nth++) {
      clients.push_back(std::make_unique<TestClient>(engine.memory(), engine.roster()));
      CHECK_EQ(clients.back()->seat(), nth);
    }
    const TestClient late(engine.memory(), engine.roster());
    CHECK_EQ(late.seat(), -EAGAIN);
    for (const auto& client : clients) CHECK_EQ(client->Result(Nop()), 0);
  }
  CHECK_EQ(engine.counter(protocol::engine_counter::kClientsOpened), 12);
  CHECK_EQ(engine.counter(protocol::engine_counter::kClientsDrained), 12);
}

// So that JavaScript gets its turn, and a thread that is to be terminated does end.
TEST(an_idle_engine_comes_back_after_its_wait) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.idle_wait_ms = 5;
  const TestMemory memory(1, set_up.slot_count);
  const auto roster = Roster::Create(1, set_up.slot_count);
  std::unique_ptr<Engine> engine;
  REQUIRE(Engine::Start(memory.shared(), roster, set_up.Options(), &engine) == 0);
  for (int round = 0; round < 3; round++) CHECK_EQ(engine->Run(), 0);
  CHECK_EQ(memory.shared().counter(protocol::engine_counter::kIdleWakeups), 3);
  CHECK_EQ(memory.shared().parked(), kAwake);
  roster->Stop(0);
  CHECK_EQ(engine->Run(), Engine::kStopped);
  CHECK_EQ(engine->Run(), Engine::kStopped);
}

TEST(a_refused_ring_is_a_refused_engine) {
  const TestMemory memory(1, 4);
  EngineOptions options = EngineSetUp{}.Options();
  options.ring.setup_call = [](uint32_t, io_uring_params*) { return -EPERM; };
  std::unique_ptr<Engine> engine;
  CHECK_EQ(Engine::Start(memory.shared(), Roster::Create(1, 4), options, &engine), -EPERM);
  CHECK(engine == nullptr);
}

// A wake-up that is lost, of either thread, would last to the end of the test's patience.
TEST(both_threads_of_an_engine_with_sqpoll_wake_up_for_every_request) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.submission_thread = {.wanted = true, .idle_ms = 1};
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  for (int round = 0; round < 100 && !check::HasFailed(); round++) {
    CHECK_EQ(client.Result(Nop()), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 25));
  }
}

}  // namespace
}  // namespace ringpost
