// Chains (native/src/chains.cc, drains.cc): the order of their steps, what breaks them, what they
// open; and random ones, of clients that go away in the middle.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
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
namespace scope = protocol::cancel_scope;

TestRequest With(uint32_t flags, TestRequest request) {
  request.words.opcode |= flags;
  return request;
}

// On the descriptor that the step `nth` has opened.
TestRequest OfStep(uint32_t nth, TestRequest request) {
  request.words.fd = static_cast<int32_t>(nth);
  return With(flag::kFdOfStep, request);
}

// Four bytes from where it says, at a position or the descriptor's own, to a pipe.
TestRequest Splice(TestRequest from, int32_t to, uint64_t position) {
  from.words.second_fd = to;
  from.words.length = 4;
  from.words.position_low = static_cast<uint32_t>(position);
  from.words.position_high = static_cast<uint32_t>(position >> 32);
  return from;
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

// A client of an engine of its own, and a file that its chains may open.
struct OneFile {
  TestEngine engine{Roomy()};
  TestClient client{engine.memory(), engine.roster()};
  TestFolder folder;
  std::string path = folder.FileWith("a", "content");
};

TEST(steps_use_what_an_earlier_one_has_opened) {
  NEEDS_IO_URING();
  OneFile one;
  TestClient& client = one.client;
  const int descriptors = OpenDescriptors();
  char text[8] = {};
  const std::vector<int32_t> results =
      Run(client, {With(flag::kLink, Open(one.path.c_str(), O_RDONLY)),
                   With(flag::kLink, OfStep(0, Read(0, text, 3, kCurrentPosition))),
                   With(flag::kLink, OfStep(0, Read(0, text + 3, 4, kCurrentPosition))),
                   OfStep(0, CloseFd(0))});
  CHECK(results == std::vector<int32_t>({0, 3, 4, 0}));
  CHECK_EQ(std::string(text), "content");
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(a_stat_needs_an_ordinary_descriptor_and_the_chain_closes_it) {
  NEEDS_IO_URING();
  OneFile one;
  TestClient& client = one.client;
  const int descriptors = OpenDescriptors();
  CHECK(Run(client, {With(flag::kLink, Open(one.path.c_str(), O_RDONLY)),
                     OfStep(0, Stat(nullptr))}) == std::vector<int32_t>({0, 0}));
  CHECK_EQ(OpenDescriptors(), descriptors);
}

std::atomic<uint32_t> calls_in_the_rings_table = 0;

int32_t CountedCall(const abi::Sqe& sqe) {
  if ((sqe.flags & abi::kSqeFixedFile) != 0) calls_in_the_rings_table++;
  return CallPlainly(sqe);
}

// The operation is there, but not in this form, as on Linux 5.19 to 6.11: a plain system call.
TEST(a_long_fadvise_by_system_call_needs_an_ordinary_descriptor) {
  NEEDS_IO_URING();
  EngineSetUp set_up = Roomy();
  set_up.without_features = abi::kFeatMinTimeout;
  set_up.plain_call = CountedCall;
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  const TestFolder folder;
  const std::string path = folder.FileWith("a", "content");
  TestRequest advise = OfStep(0, Operation(protocol::opcode::kFadvise));
  advise.words.length_high = 2;
  advise.words.flags = POSIX_FADV_DONTNEED;
  CHECK(Run(client, {With(flag::kLink, Open(path.c_str(), O_RDONLY)), advise}) ==
        std::vector<int32_t>({0, 0}));
  CHECK_EQ(engine.counter(protocol::engine_counter::kPlainCalls), 1);
  CHECK_EQ(calls_in_the_rings_table.load(), 0);
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

TEST(a_cancel_by_descriptor_reaches_what_waits_for_a_drain) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  BlockedReads reads(client, 1);
  const Pipe pipe;
  const Pipe closed;
  char text[4] = {};
  const int fd = pipe.out.get();
  const int closed_fd = ::fcntl(closed.out.get(), F_DUPFD_CLOEXEC, 0);
  const uint32_t drain = client.Post(With(flag::kChain | flag::kDrain, Nop()));
  const uint32_t read = client.Post(Read(fd, text, sizeof(text), kCurrentPosition));
  const uint32_t first = client.Post(With(flag::kChain | flag::kHardLink, Nop()));
  const uint32_t second = client.Post(Read(fd, text, sizeof(text), kCurrentPosition));
  const uint32_t close = client.Post(CloseFd(closed_fd));
  client.PostCancel(scope::kDescriptor, 0, fd);
  client.PostCancel(scope::kDescriptor, 0, closed_fd);
  client.Publish();
  CHECK_EQ(client.AwaitReply(read).result, -ECANCELED);
  CHECK_EQ(client.in_flight(), 5);
  CHECK(::fcntl(closed_fd, F_GETFD) >= 0);
  reads.Write();
  CHECK_EQ(client.AwaitReply(drain).result, 0);
  CHECK_EQ(client.AwaitReply(first).result, 0);
  CHECK_EQ(client.AwaitReply(second).result, -ECANCELED);
  CHECK_EQ(client.AwaitReply(close).result, 0);
  CHECK(::fcntl(closed_fd, F_GETFD) < 0);
  CHECK_EQ(client.AwaitReply(reads.slots()[0]).result, 4);
}

TEST(a_cancel_by_descriptor_reaches_steps_whose_turn_is_to_come) {
  NEEDS_IO_URING();
  TestEngine engine(Roomy());
  TestClient client(engine.memory(), engine.roster());
  const Pipe blocks;
  const Pipe to;
  const Pipe from;
  char text[4] = {};
  const TestRequest splice =
      Splice(Operation(protocol::opcode::kSplice, from.out.get()), to.in.get(), kCurrentPosition);
  const TestRequest write = Write(to.in.get(), "x", 1, kCurrentPosition);
  for (const TestRequest& step : {Read(from.out.get(), text, 1, kCurrentPosition), write, splice}) {
    const uint32_t first = client.Post(
        With(flag::kChain | flag::kLink, Read(blocks.out.get(), text, 4, kCurrentPosition)));
    const uint32_t second = client.Post(With(flag::kLink, step));
    const uint32_t last = client.Post(Nop());
    client.PostCancel(scope::kDescriptor, 0,
                      step.words.opcode == write.words.opcode ? to.in.get() : from.out.get());
    client.Publish();
    CHECK_EQ(client.Result(Nop()), 0);
    blocks.Write("next");
    CHECK_EQ(client.AwaitReply(first).result, 4);
    CHECK_EQ(client.AwaitReply(second).result, -ECANCELED);
    CHECK_EQ(client.AwaitReply(last).result, -ECANCELED);
  }
}

// Where a step names another one, it has that one's number in the place of a descriptor.
TEST(a_cancel_by_descriptor_takes_no_number_of_a_step_for_one) {
  NEEDS_IO_URING();
  OneFile one;
  TestClient& client = one.client;
  const Pipe blocks;
  const Pipe to;
  char text[2][4] = {};
  const TestRequest splice =
      Splice(OfStep(1, Operation(protocol::opcode::kSplice)), to.in.get(), 0);
  const std::vector<uint32_t> slots = {
      client.Post(
          With(flag::kChain | flag::kLink, Read(blocks.out.get(), text[0], 4, kCurrentPosition))),
      client.Post(With(flag::kLink, Open(one.path.c_str(), O_RDONLY))),
      client.Post(With(flag::kLink, OfStep(1, Read(0, text[1], 4, 0)))),
      client.Post(splice),
  };
  // A pipe has no position.
  std::memset(client.mailbox().Result(slots[3]) + protocol::payload::kSecondPositionOffset, 0xff,
              sizeof(uint64_t));
  for (const int32_t fd : {0, 1}) client.PostCancel(scope::kDescriptor, 0, fd);
  client.Publish();
  CHECK_EQ(client.Result(Nop()), 0);
  blocks.Write("next");
  CHECK_EQ(client.AwaitReply(slots[0]).result, 4);
  CHECK_EQ(client.AwaitReply(slots[1]).result, 0);
  CHECK_EQ(client.AwaitReply(slots[2]).result, 4);
  CHECK_EQ(client.AwaitReply(slots[3]).result, 4);
}

// The cancellation finds nothing of an open that is done; by then the kernel has the chain's close,
// under the same number, and a second one could prevent it.
TEST(the_cancellation_of_an_open_is_not_repeated_when_its_chain_closes) {
  NEEDS_IO_URING();
  OneFile one;
  TestClient& client = one.client;
  const int descriptors = OpenDescriptors();
  const uint32_t rounds = Repetitions(200, 50);
  for (uint32_t round = 0; round < rounds && !check::HasFailed(); round++) {
    const uint32_t open =
        client.Post(With(flag::kChain | flag::kLink, Open(one.path.c_str(), O_RDONLY)));
    const uint32_t stat = client.Post(OfStep(0, Stat(nullptr)));
    client.PostCancel(scope::kAll, 0);
    client.Publish();
    const int32_t opened = client.AwaitReply(open).result;
    CHECK(opened == 0 || opened == -ECANCELED);
    CHECK_EQ(client.AwaitReply(stat).result, -ECANCELED);
  }
  CHECK_EQ(one.engine.counter(protocol::engine_counter::kCancels), rounds);
  CHECK_EQ(OpenDescriptors(), descriptors);
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
