// Credits: how much of an engine a client may have at a time.
#include <poll.h>

#include <memory>

#include "check.h"
#include "counting_waker.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

void PostAll(TestClient& client) {
  while (client.HasFreeSlot()) client.Post(Nop());
  client.Publish();
}

TEST(a_client_has_its_credits_and_not_one_more) {
  NEEDS_IO_URING();
  constexpr uint32_t kCredits = 3;
  EngineSetUp set_up;
  TestEngine engine(set_up);
  TestClient other(engine.memory(), engine.roster());
  for (const uint32_t claimed : {kCredits, kCredits + 1, set_up.slot_count}) {
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker, {.credits = kCredits});
    REQUIRE(client.seat() >= 0);
    for (uint32_t nth = 0; nth < claimed; nth++) client.Post(Nop());
    client.Publish();
    if (claimed == kCredits) {
      uint32_t replies = 0;
      CHECK(Await([&] { return (replies += client.TakeReplies([](const Reply&) {})) == claimed; }));
      CHECK_EQ(client.Result(Nop()), 0);
    } else {
      CHECK(Await([&] { return waker->orphaned > 0; }));
    }
    client.CloseAndDrain();
    CHECK_EQ(waker->orphaned.load(), claimed == kCredits ? 0 : 1);
    CHECK_EQ(other.Result(Nop()), 0);
  }
}

// Replies that it hasn't read count, too: it can't make the engine's room for them its own.
TEST(unread_replies_are_credits_that_are_spent) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  TestEngine engine(set_up);
  const auto waker = std::make_shared<CountingWaker>();
  TestClient client(engine.memory(), engine.roster(), waker, {.credits = 2});
  for (uint32_t nth = 0; nth < 2; nth++) client.Post(Nop());
  client.Publish();
  CHECK(Await([&] {
    return LoadIndex(*client.mailbox().replies.tail) - LoadIndex(*client.mailbox().replies.head) ==
           2;
  }));
  client.Post(Nop());
  client.Publish();
  CHECK(Await([&] { return waker->orphaned > 0; }));
}

// A stream has a place in the reply ring for its events, which is no credit.
TEST(a_stream_adds_no_credit) {
  NEEDS_IO_URING();
  constexpr uint32_t kCredits = 3;
  EngineSetUp set_up;
  TestEngine engine(set_up);
  const Pipe pipe;
  for (const uint32_t claimed : {kCredits, kCredits + 1}) {
    for (const bool as_chain : {false, true}) {
      const auto waker = std::make_shared<CountingWaker>();
      TestClient client(engine.memory(), engine.roster(), waker, {.credits = kCredits});
      char texts[kCredits + 1][4];
      client.Post(PollEvents(pipe.out.get(), POLLIN));
      client.Publish();
      CHECK_EQ(client.Result(Nop()), 0);
      for (uint32_t nth = 1; nth < claimed; nth++) {
        TestRequest read = Read(pipe.out.get(), texts[nth], 4, kCurrentPosition);
        if (as_chain && nth + 1 < claimed) read.words.opcode |= protocol::opcode_flag::kLink;
        client.Post(read);
      }
      client.Publish();
      client.PostCancel(protocol::cancel_scope::kAll, 0);
      client.Publish();
      CHECK(Await([&] {
        client.KeepReplies();
        return claimed == kCredits ? client.in_flight() == 0 : waker->orphaned > 0;
      }));
      client.CloseAndDrain();
      CHECK_EQ(waker->orphaned.load(), claimed == kCredits ? 0 : 1);
    }
  }
}

// Seats are given to one client after the other: each has its own share.
TEST(a_share_ends_with_its_client) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.max_clients = 1;
  TestEngine engine(set_up);
  { TestClient narrow(engine.memory(), engine.roster(), nullptr, {.credits = 2}); }
  TestClient wide(engine.memory(), engine.roster());
  PostAll(wide);
  uint32_t replies = 0;
  CHECK(Await(
      [&] { return (replies += wide.TakeReplies([](const Reply&) {})) == set_up.slot_count; }));
}

}  // namespace
}  // namespace ringpost
