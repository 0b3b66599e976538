// Streams of events (native/src/poll_streams.cc): what comes while nobody asks is kept together, a
// client that asks for what it has no room for gets no more service, and streams end as all else.
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "check.h"
#include "counting_waker.h"
#include "random.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"
#include "variant.h"

namespace ringpost {
namespace {

namespace flag = protocol::opcode_flag;
namespace opcode = protocol::opcode;
namespace scope = protocol::cancel_scope;

constexpr uint32_t kIn = POLLIN;

void Empty(const Pipe& pipe) {
  char text[256];
  CHECK(::read(pipe.out.get(), text, sizeof(text)) > 0);
}

void Ask(TestClient& client, uint32_t slot) {
  client.PostNextEvents(slot);
  client.Publish();
}

void Cancel(TestClient& client, uint32_t slot) {
  client.PostCancel(scope::kRequest, slot);
  client.Publish();
}

// With a poll that stays, and as before Linux 5.13.
EngineSetUp PollsOnceOnly() {
  EngineSetUp set_up = SmallRing();
  set_up.without_features = abi::kFeatRsrcTags;
  return set_up;
}

void ExpectEventsInTurn(const EngineSetUp& set_up) {
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  const Pipe pipe;
  const uint32_t slot = client.Post(PollEvents(pipe.out.get(), kIn));
  client.Publish();
  for (int round = 0; round < 100 && !check::HasFailed(); round++) {
    pipe.Write("a");
    CHECK_EQ(client.AwaitEvents(slot), kIn);
    pipe.Write("b");  // as long as nobody asks, nobody is told
    CHECK_EQ(client.Result(Nop()), 0);
    CHECK_EQ(client.events(slot), 0);
    Ask(client, slot);
    CHECK_EQ(client.AwaitEvents(slot), kIn);
    Empty(pipe);
    Ask(client, slot);
    CHECK_EQ(client.Result(Nop()), 0);
    CHECK_EQ(client.events(slot), 0);
  }
  Cancel(client, slot);
  const Reply reply = client.AwaitReply(slot);
  CHECK_EQ(reply.result, -ECANCELED);
  CHECK_EQ(reply.note, 0);
  CHECK_EQ(client.strays(), 0);
}

TEST(events_come_one_reply_at_a_time) {
  NEEDS_IO_URING();
  ExpectEventsInTurn(SmallRing());
}

TEST(events_come_where_each_poll_ends_with_the_first) {
  NEEDS_IO_URING();
  ExpectEventsInTurn(PollsOnceOnly());
}

TEST(a_stream_ends_by_cancel_asked_or_not_and_with_its_poll_or_without) {
  NEEDS_IO_URING();
  for (const EngineSetUp& set_up : {SmallRing(), PollsOnceOnly()}) {
    TestEngine engine(set_up);
    TestClient client(engine.memory(), engine.roster());
    const Pipe pipe;
    for (int round = 0; round < 60 && !check::HasFailed(); round++) {
      const uint32_t slot = client.Post(PollEvents(pipe.out.get(), kIn));
      client.Publish();
      if (round % 2 == 0) {
        pipe.Write("x");
        CHECK_EQ(client.AwaitEvents(slot), kIn);
        Empty(pipe);
        if (round % 4 == 0) client.PostNextEvents(slot);
      }
      if (round % 3 == 0) {
        CHECK_EQ(client.Result(Nop()), 0);  // it goes another way, and may overtake the request
        client.CancelAll();
      } else if (round % 3 == 1) {
        Cancel(client, slot);
      } else {
        client.PostCancel(scope::kDescriptor, 0, pipe.out.get());
        client.Publish();
      }
      CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
    }
    CHECK_EQ(client.strays(), 0);
  }
}

TEST(a_hang_up_is_told_and_the_stream_is_still_to_be_cancelled) {
  NEEDS_IO_URING();
  for (const EngineSetUp& set_up : {SmallRing(), PollsOnceOnly()}) {
    TestEngine engine(set_up);
    TestClient client(engine.memory(), engine.roster());
    Pipe pipe;
    const uint32_t slot = client.Post(PollEvents(pipe.out.get(), kIn));
    CHECK_EQ(client.Result(Nop()), 0);
    pipe.in.Reset();
    CHECK_EQ(client.AwaitEvents(slot), POLLHUP);
    Cancel(client, slot);
    CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
  }
}

TEST(a_stream_is_overdue_as_anything_else) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const Pipe pipe;
  const uint64_t soon = MonotonicNs() + 20'000'000;
  const uint32_t slot = client.Post(Until(soon, PollEvents(pipe.out.get(), kIn)));
  pipe.Write("x");
  client.Publish();
  CHECK_EQ(client.AwaitEvents(slot), kIn);
  CHECK_EQ(client.AwaitReply(slot).result, -ETIMEDOUT);
}

TEST(a_stream_is_no_step_of_a_chain) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const Pipe pipe;
  pipe.Write("x");
  TestRequest request = PollEvents(pipe.out.get(), kIn);
  request.words.opcode |= flag::kChain;
  const uint32_t slot = client.Post(request);
  client.PostNextEvents(slot);
  client.Publish();
  CHECK_EQ(client.AwaitReply(slot).result, -EINVAL);
}

// Every slot has a stream, an unread reply of events, and another one that ends it: all of them
// have their place.
TEST(all_slots_may_be_streams_whose_replies_nobody_reads) {
  NEEDS_IO_URING();
  const EngineSetUp set_up = SmallRing();
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  for (int round = 0; round < 20 && !check::HasFailed(); round++) {
    const Pipe pipe;
    std::vector<uint32_t> slots;
    for (uint32_t nth = 0; nth < set_up.slot_count; nth++)
      slots.push_back(client.Post(PollEvents(pipe.out.get(), kIn)));
    client.Publish();
    CHECK_EQ(other.Result(Nop()), 0);
    for (int nth = 0; nth < 50; nth++) pipe.Write("x");
    CHECK_EQ(other.Result(Nop()), 0);
    client.PostCancel(scope::kAll, 0);
    client.Publish();
    CHECK_EQ(other.Result(Nop()), 0);
    for (const uint32_t slot : slots) CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
    for (const uint32_t slot : slots) CHECK(client.events(slot) == kIn || client.events(slot) == 0);
  }
  CHECK_EQ(client.strays(), 0);
}

// It lies behind more replies than there are slots.
TEST(a_descriptor_behind_unread_events_is_closed_with_its_client) {
  NEEDS_IO_URING();
  const EngineSetUp set_up = SmallRing();
  TestEngine engine(set_up);
  TestClient other(engine.memory(), engine.roster());
  const Pipe pipe;
  pipe.Write("x");
  const int descriptors = OpenDescriptors();
  TestClient client(engine.memory(), engine.roster());
  for (uint32_t nth = 1; nth < set_up.slot_count; nth++)
    client.Post(PollEvents(pipe.out.get(), kIn));
  client.Publish();
  CHECK_EQ(other.Result(Nop()), 0);
  client.PostCancel(scope::kAll, 0);
  client.Post(Open("/", O_RDONLY));
  client.Publish();
  CHECK(Await([&] { return OpenDescriptors() > descriptors; }));
  CHECK_EQ(other.Result(Nop()), 0);
  client.CloseAndDrain();
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_client_that_asks_and_never_reads_is_cut_off) {
  NEEDS_IO_URING();
  for (const EngineSetUp& set_up : {SmallRing(), PollsOnceOnly()}) {
    TestEngine engine(set_up);
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker);
    TestClient honest(engine.memory(), engine.roster());
    const Pipe pipe;
    const uint32_t slot = client.Post(PollEvents(pipe.out.get(), kIn));
    client.Publish();
    uint32_t asked = 0;
    for (; waker->orphaned == 0 && asked < 1000; asked++) {
      pipe.Write("x");
      CHECK_EQ(honest.Result(Nop()), 0);
      Ask(client, slot);
      CHECK_EQ(honest.Result(Nop()), 0);
    }
    CHECK_EQ(waker->orphaned.load(), 1);
    CHECK(asked <= 2 * set_up.slot_count * protocol::kRepliesPerSlot);
    CHECK_EQ(honest.Result(Nop()), 0);
    CHECK_EQ(honest.strays(), 0);
  }
}

TEST(streams_end_with_their_client_and_with_the_engine) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  for (const EngineSetUp& set_up : {SmallRing(), PollsOnceOnly()}) {
    const Pipe pipe;
    TestEngine engine(set_up);
    TestClient stays(engine.memory(), engine.roster());
    for (int round = 0; round < 30 && !check::HasFailed(); round++) {
      TestClient goes(engine.memory(), engine.roster());
      for (int nth = 0; nth < 3; nth++) goes.Post(PollEvents(pipe.out.get(), kIn));
      goes.Publish();
      pipe.Write("x");
      if (round % 2 == 0) CHECK_EQ(stays.Result(Nop()), 0);
      if (round % 3 == 0) goes.KeepReplies();
    }
    const uint32_t slot = stays.Post(PollEvents(pipe.out.get(), kIn));
    stays.Publish();
    CHECK_EQ(stays.AwaitEvents(slot), kIn);
    engine.Stop(1);
    CHECK_EQ(stays.AwaitReply(slot).result, -ECANCELED);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

// Events are no progress: the engine doesn't wait for a stream that never falls silent.
TEST(a_busy_stream_does_not_keep_the_engine_from_stopping) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const Pipe pipe;
  const uint32_t slot = client.Post(PollEvents(pipe.out.get(), kIn));
  CHECK_EQ(client.Result(Nop()), 0);
  std::atomic<bool> enough = false;
  std::thread busy([&] {
    while (!enough) {
      pipe.Write("x");
      Empty(pipe);
    }
  });
  engine.Stop(50);
  enough = true;
  busy.join();
  CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
}

// A client without any care: streams, asking, cancellations and no-ops in slots and of generations
// as they come, while its replies are read, or not.
class CarelessClient {
 public:
  CarelessClient(TestEngine& engine, Random& random)
      : client_(engine.memory(), engine.roster()), random_(random) {}

  void Batch(const Pipe& pipe) {
    // What is taken at the time must not be overwritten, or else ThreadSanitizer says so.
    for (uint32_t nth = random_.Below(std::min(12u, client_.Room() + 1)); nth > 0; nth--) {
      Request words = PollEvents(random_.OneIn(8) ? -1 : pipe.out.get(), random_.Word()).words;
      words.opcode = Any({opcode::kPollEvents, opcode::kNextEvents, opcode::kNextEvents,
                          opcode::kNextEvents, opcode::kCancel, opcode::kNop});
      if (words.opcode == opcode::kCancel) words.flags = random_.Below(4);
      if (random_.OneIn(8)) words.opcode |= Any({flag::kChain, flag::kLink, flag::kDrain});
      words.slot = random_.OneIn(16) ? random_.Word() : random_.Below(9);
      words.generation = random_.Below(2);
      client_.PostRaw(words);
    }
    client_.Publish();
    if (!random_.OneIn(3)) client_.KeepReplies();
  }

 private:
  uint32_t Any(std::vector<uint32_t> from) {
    return from[random_.Below(static_cast<uint32_t>(from.size()))];
  }

  TestClient client_;
  Random& random_;
};

TEST(random_entries_harm_nobody) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  for (const EngineSetUp& set_up : {SmallRing(), PollsOnceOnly()}) {
    Random random(11);
    const Pipe pipe;
    TestEngine engine(set_up);
    TestClient honest(engine.memory(), engine.roster());
    for (uint32_t round = 0; round < Repetitions(1500, 200) && !check::HasFailed(); round++) {
      CarelessClient careless(engine, random);
      for (uint32_t batch = random.Below(12); batch > 0; batch--) {
        pipe.Write("x");
        careless.Batch(pipe);
        if (random.OneIn(2)) CHECK_EQ(honest.Result(Nop()), 0);
        Empty(pipe);
      }
    }
    CHECK_EQ(honest.strays(), 0);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
