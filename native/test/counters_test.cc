// What the engine counts: each request once, per client, and the histograms with it.
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "check.h"
#include "histogram.h"
#include "real_ring.h"
#include "test_engine.h"

namespace ringpost {
namespace {

namespace counter = protocol::engine_counter;
namespace service_counter = protocol::service_counter;

uint64_t Read(const TestClient& client, uint32_t index) {
  return std::atomic_ref(client.mailbox().counters[index]).load(std::memory_order_relaxed);
}

template <typename At>
uint64_t Sum(uint32_t first, uint32_t count, At at) {
  uint64_t sum = 0;
  for (uint32_t nth = 0; nth < count; nth++) sum += at(first + nth);
  return sum;
}

TEST(a_bucket_ends_at_a_power_of_two) {
  CHECK_EQ(BucketOf(0, 8), 0);
  CHECK_EQ(BucketOf(1, 8), 0);
  CHECK_EQ(BucketOf(2, 8), 1);
  CHECK_EQ(BucketOf(3, 8), 2);
  CHECK_EQ(BucketOf(4, 8), 2);
  CHECK_EQ(BucketOf(5, 8), 3);
  CHECK_EQ(BucketOf(128, 8), 7);
}

TEST(the_last_bucket_counts_all_above) {
  CHECK_EQ(BucketOf(129, 8), 7);
  CHECK_EQ(BucketOf(UINT64_MAX, 8), 7);
  CHECK_EQ(BucketOf(UINT64_MAX, protocol::kLatencyBuckets), protocol::kLatencyBuckets - 1);
}

TEST(requests_are_counted_per_client) {
  NEEDS_IO_URING();
  TestEngine engine({});
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  for (int nth = 0; nth < 5; nth++) CHECK_EQ(client.Ask(Nop()).result, 0);
  for (int nth = 0; nth < 3; nth++) CHECK_EQ(other.Ask(Nop()).result, 0);
  TestRequest garbage = Nop();
  garbage.words.opcode = 0xffff;
  CHECK(other.Ask(garbage).result < 0);
  engine.Stop(0);

  CHECK_EQ(Read(client, service_counter::kTaken), 5);
  CHECK_EQ(Read(client, service_counter::kReplied), 5);
  CHECK_EQ(Read(client, service_counter::kSubmitted), 5);
  CHECK_EQ(Read(client, service_counter::kCompleted), 5);
  CHECK_EQ(Read(client, service_counter::kRefused), 0);
  CHECK_EQ(Read(client, service_counter::kPunts), 0);
  CHECK_EQ(Read(other, service_counter::kTaken), 4);
  CHECK_EQ(Read(other, service_counter::kReplied), 4);
  CHECK_EQ(Read(other, service_counter::kSubmitted), 3);
  CHECK_EQ(Read(other, service_counter::kRefused), 1);
  for (const TestClient* each : {&client, &other}) {
    const uint64_t latencies = Sum(service_counter::kLatencies, protocol::kLatencyBuckets,
                                   [&](uint32_t at) { return Read(*each, at); });
    CHECK_EQ(latencies, Read(*each, service_counter::kReplied));
    // Minutes are none of these: a clock that was read in the wrong order would say so.
    CHECK_EQ(Read(*each, service_counter::kLatencies + protocol::kLatencyBuckets - 1), 0);
  }
  const uint64_t submitting = Sum(counter::kEnterSizes, protocol::kBatchBuckets,
                                  [&](uint32_t at) { return engine.counter(at); });
  CHECK(submitting > 0);
  CHECK(submitting <= engine.counter(counter::kEnters));
}

// What completes at once is taken in pieces of 8, whoever waits for an event meanwhile.
TEST(a_wait_for_an_event_changes_nothing_for_the_others) {
  NEEDS_IO_URING();
  cpu_set_t allowed;
  CHECK_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  if (CPU_COUNT(&allowed) < 2) SKIP("engine and client need a CPU each");
  EngineSetUp set_up;
  set_up.slot_count = 64;
  set_up.ring_entries = 64;
  set_up.placement.mode = PlacementOptions::Mode::kFloat;
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  int32_t ends[2];
  CHECK_EQ(::pipe(ends), 0);
  const uint32_t waiting = client.Post(Poll(ends[0], POLLIN));
  client.Publish();
  CHECK(Await([&] { return Read(client, service_counter::kSubmitted) == 1; }));
  std::vector<uint32_t> nops;
  for (int nth = 0; nth < 32; nth++) nops.push_back(client.Post(Nop()));
  client.Publish();
  for (const uint32_t slot : nops) CHECK_EQ(client.AwaitReply(slot).result, 0);
  CHECK_EQ(::write(ends[1], "x", 1), 1);
  CHECK_EQ(client.AwaitReply(waiting).result, POLLIN);
  engine.Stop(0);
  const uint32_t larger = BucketOf(9, protocol::kBatchBuckets);
  CHECK_EQ(Sum(counter::kEnterSizes + larger, protocol::kBatchBuckets - larger,
               [&](uint32_t at) { return engine.counter(at); }),
           0);
  for (const int32_t end : ends) CHECK_EQ(::close(end), 0);
}

TEST(a_mailbox_says_whether_a_client_has_it) {
  NEEDS_IO_URING();
  TestEngine engine({});
  TestClient client(engine.memory(), engine.roster());
  const Mailbox mailbox = client.mailbox();
  CHECK_EQ(client.Ask(Nop()).result, 0);
  CHECK_EQ(Read(client, service_counter::kConnected), 1);
  client.CloseAndDrain();
  CHECK_EQ(std::atomic_ref(mailbox.counters[service_counter::kConnected])
               .load(std::memory_order_relaxed),
           0);
}

}  // namespace
}  // namespace ringpost
