// Chains (native/src/chains.cc, drains.cc): the order of their steps, what breaks them, what they
// open; and random ones, of clients that go away in the middle.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "blocked_reads.h"
#include "check.h"
#include "random.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"
#include "variant.h"

namespace ringpost {
namespace {

namespace flag = protocol::opcode_flag;

TestRequest With(uint32_t flags, TestRequest request) {
  request.words.opcode |= flags;
  return request;
}

// On the descriptor that the step `nth` has opened.
TestRequest OfStep(uint32_t nth, TestRequest request) {
  request.words.fd = static_cast<int32_t>(nth);
  return With(flag::kFdOfStep, request);
}

EngineSetUp Roomy() {
  EngineSetUp set_up;
  set_up.slot_count = 16;
  set_up.ring_entries = 4;
  return set_up;
}

// Posts the steps as one chain; the last one is linked to nothing. Returns their results.
std::vector<int32_t> Run(TestClient& client, std::vector<TestRequest> steps) {
  std::vector<uint32_t> slots;
  steps.front().words.opcode |= flag::kChain;
  for (const TestRequest& step : steps) slots.push_back(client.Post(step));
  client.Publish();
  std::vector<int32_t> results;
  for (const uint32_t slot : slots) results.push_back(client.AwaitReply(slot).result);
  return results;
}

TEST(steps_use_what_an_earlier_one_has_opened) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  const TestFolder folder;
  const std::string path = folder.FileWith("a", "content");
  const int descriptors = OpenDescriptors();
  char text[8] = {};
  const std::vector<int32_t> results =
      Run(client, {With(flag::kLink, Open(path.c_str(), O_RDONLY)),
                   With(flag::kLink, OfStep(0, Read(0, text, 3, kCurrentPosition))),
                   With(flag::kLink, OfStep(0, Read(0, text + 3, 4, kCurrentPosition))),
                   OfStep(0, CloseFd(0))});
  CHECK(results == std::vector<int32_t>({0, 3, 4, 0}));
  CHECK_EQ(std::string(text), "content");
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_stat_needs_an_ordinary_descriptor_and_the_chain_closes_it) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  const TestFolder folder;
  const std::string path = folder.FileWith("a", "content");
  const int descriptors = OpenDescriptors();
  CHECK(Run(client, {With(flag::kLink, Open(path.c_str(), O_RDONLY)), OfStep(0, Stat(nullptr))}) ==
        std::vector<int32_t>({0, 0}));
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(an_error_breaks_a_link_and_not_a_hard_one) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  CHECK(Run(client, {With(flag::kLink, Nop()), With(flag::kLink, Fsync(-1)), Nop()}) ==
        std::vector<int32_t>({0, -EBADF, -ECANCELED}));
  CHECK(Run(client, {With(flag::kHardLink, Fsync(-1)), With(flag::kLink, Fsync(-1)), Nop()}) ==
        std::vector<int32_t>({-EBADF, -EBADF, -ECANCELED}));
}

TEST(a_step_that_names_no_open_says_ebadf) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  char byte = 0;
  for (const uint32_t nth : {0u, 1u, 2u, 77u, UINT32_MAX - 1}) {
    CHECK(Run(client, {With(flag::kLink, Nop()), OfStep(nth, Read(0, &byte, 1, 0))}) ==
          std::vector<int32_t>({0, -EBADF}));
  }
}

TEST(a_drain_waits_for_those_before_it_and_holds_up_those_behind) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  BlockedReads reads(client, 2);
  const uint32_t drain = client.Post(With(flag::kChain | flag::kDrain, Nop()));
  const uint32_t behind = client.Post(Nop());
  client.Publish();
  for (int nth = 0; nth < 20; nth++) CHECK_EQ(other.Result(Nop()), 0);
  client.KeepReplies();
  CHECK_EQ(client.in_flight(), 4);
  reads.Write();
  CHECK_EQ(client.AwaitReply(drain).result, 0);
  CHECK_EQ(client.AwaitReply(behind).result, 0);
  for (const uint32_t slot : reads.slots()) CHECK_EQ(client.AwaitReply(slot).result, 4);
}

// Chains of a client that closes while they run, drain, or wait: the memory of their steps is gone
// right after.
TEST(random_chains_of_clients_that_go_away) {
  NEEDS_IO_URING();
  Random random(1);
  const TestFolder folder;
  const std::string path = folder.FileWith("a", std::string(64, 'x'));
  const int descriptors = OpenDescriptors();
  {
    TestEngine engine(Roomy());
    TestClient steady(engine.memory(), engine.roster());
    for (uint32_t round = 0; round < Repetitions(600, 150) && !check::HasFailed(); round++) {
      const Pipe pipe;
      std::vector<std::vector<char>> buffers;
      TestClient client(engine.memory(), engine.roster());
      while (client.in_flight() < 12) {
        const uint32_t length = 1 + random.Below(4);
        for (uint32_t step = 0; step < length; step++) {
          TestRequest request = Nop();
          buffers.emplace_back(64);
          char* buffer = buffers.back().data();
          switch (random.Below(5)) {
            case 0:
              request = Open(path.c_str(), O_RDONLY);
              break;
            case 1:
              request = OfStep(0, Read(0, buffer, 16, kCurrentPosition));
              break;
            case 2:
              request = Read(pipe.out.get(), buffer, 4, kCurrentPosition);
              break;
            case 3:
              request = Stat(path.c_str());
              break;
            default:
              break;
          }
          if (step == 0) request.words.opcode |= flag::kChain;
          if (step == 0 && random.OneIn(6)) request.words.opcode |= flag::kDrain;
          if (step + 1 < length)
            request.words.opcode |= random.OneIn(3) ? flag::kHardLink : flag::kLink;
          client.Post(request);
        }
      }
      client.Publish();
      if (random.OneIn(3)) client.CancelAll();
      if (random.OneIn(2)) pipe.Write("some");
      if (random.OneIn(2)) CHECK_EQ(steady.Result(Nop()), 0);
      client.KeepReplies();
      client.CloseAndDrain();
    }
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace ringpost
