// Cancelling what a client has in flight (native/src/cancel_requests.cc): each request still gets
// its reply.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "blocked_reads.h"
#include "check.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

TEST(cancel_all_ends_what_is_in_flight_and_nothing_else) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  BlockedReads others_reads(other, 2);
  for (int round = 0; round < 50 && !check::HasFailed(); round++) {
    BlockedReads reads(client, 5);
    client.CancelAll();
    reads.ExpectCancelled();
    reads.ExpectLetGo();
    CHECK_EQ(client.Result(Nop()), 0);
  }
  other.KeepReplies();
  CHECK_EQ(other.in_flight(), 2);
  others_reads.Write();
  for (const uint32_t slot : others_reads.slots()) CHECK_EQ(other.AwaitReply(slot).result, 4);
}

TEST(cancel_all_with_nothing_in_flight_does_nothing) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  for (int nth = 0; nth < 20; nth++) {
    client.CancelAll();
    CHECK_EQ(client.Result(Nop()), 0);
  }
}

TEST(a_cancelled_recipe_closes_its_descriptor) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const Pipe pipe;
  char text[8] = {};
  const int descriptors = OpenDescriptors();
  const int fd = ::fcntl(pipe.out.get(), F_DUPFD_CLOEXEC, 0);
  const uint32_t slot = client.Post(ReadRest(fd, text, sizeof(text), 0));
  CHECK_EQ(client.Result(Nop()), 0);
  client.CancelAll();
  const Reply reply = client.AwaitReply(slot);
  CHECK_EQ(reply.result, -ECANCELED);
  CHECK_EQ(reply.note, protocol::stage::kMove);
  CHECK_EQ(OpenDescriptors(), descriptors);
}

// An open that waits for the other end of a FIFO sits in one of the kernel's worker threads.
TEST(a_cancelled_open_of_a_fifo_says_so) {
  NEEDS_IO_URING();
  const TestFolder folder;
  const std::string path = folder.File("fifo");
  CHECK_EQ(::mkfifo(path.c_str(), 0600), 0);
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const int descriptors = OpenDescriptors();
  for (const TestRequest& request :
       {Open(path.c_str(), O_WRONLY | O_CREAT), WriteFile(path.c_str(), "x", 1)}) {
    const uint32_t slot = client.Post(request);
    CHECK_EQ(client.Result(Nop()), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until the worker has it
    client.CancelAll();
    const int32_t result = client.AwaitReply(slot).result;
    CHECK(result == -ECANCELED || result == -EINTR);
    if (result != -ECANCELED && result != -EINTR) std::printf("  result %d\n", result);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

namespace scope = protocol::cancel_scope;

TEST(a_cancel_entry_reaches_its_request_alone) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  for (int round = 0; round < 50 && !check::HasFailed(); round++) {
    BlockedReads reads(client, 3);
    const uint32_t cancelled = reads.slots()[static_cast<size_t>(round) % 3];
    client.PostCancel(scope::kRequest, cancelled);
    CHECK_EQ(client.Result(Nop()), 0);
    CHECK_EQ(client.AwaitReply(cancelled).result, -ECANCELED);
    CHECK_EQ(client.in_flight(), 2);
    client.PostCancel(scope::kAll, 0);
    client.Publish();
    for (const uint32_t slot : reads.slots()) {
      if (slot != cancelled) CHECK_EQ(client.AwaitReply(slot).result, -ECANCELED);
    }
    reads.ExpectLetGo();
  }
}

TEST(a_cancel_entry_reaches_the_clients_own_requests_on_a_descriptor) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  const Pipe pipe;
  char text[2][4] = {};
  const int fd = pipe.out.get();
  const uint32_t mine = client.Post(Read(fd, text[0], 4, kCurrentPosition));
  CHECK_EQ(client.Result(Nop()), 0);
  const uint32_t others = other.Post(Read(fd, text[1], 4, kCurrentPosition));
  CHECK_EQ(other.Result(Nop()), 0);
  client.PostCancel(scope::kDescriptor, 0, fd + 1);
  client.PostCancel(scope::kDescriptor, 0, -1);
  client.PostCancel(scope::kDescriptor, 0, fd);
  client.Publish();
  CHECK_EQ(client.AwaitReply(mine).result, -ECANCELED);
  pipe.Write("gone");
  CHECK_EQ(other.AwaitReply(others).result, 4);
}

TEST(a_cancel_entry_that_names_nothing_does_nothing) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  BlockedReads reads(client, 2);
  for (const uint32_t slot : {7u, 8u, UINT32_MAX}) client.PostCancel(scope::kRequest, slot);
  client.PostCancel(3, reads.slots()[0]);
  client.PostCancel(UINT32_MAX, reads.slots()[0]);
  CHECK_EQ(client.Result(Nop()), 0);
  CHECK_EQ(client.in_flight(), 2);
  reads.Write();
  for (const uint32_t slot : reads.slots()) CHECK_EQ(client.AwaitReply(slot).result, 4);
}

TEST(a_close_cancels_what_waits_on_its_descriptor) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  const Pipe pipe;
  char text[4] = {};
  const int fd = ::fcntl(pipe.out.get(), F_DUPFD_CLOEXEC, 0);
  const uint32_t read = other.Post(Read(fd, text, 4, kCurrentPosition));
  CHECK_EQ(other.Result(Nop()), 0);
  CHECK_EQ(client.Result(CloseFd(fd)), 0);
  CHECK_EQ(other.AwaitReply(read).result, -ECANCELED);
}

// Those before it still mean this file: without it, the second write would find the number closed.
TEST(a_cancelled_close_keeps_its_place_behind_transfers_at_the_files_offset) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const TestFolder folder;
  const int fd = ::open(folder.File("file").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0);
  const uint32_t first = client.Post(Write(fd, "one", 3, kCurrentPosition));
  const uint32_t second = client.Post(Write(fd, "two", 3, kCurrentPosition));
  const uint32_t closing = client.Post(CloseFd(fd));
  client.PostCancel(scope::kRequest, closing);
  client.Publish();
  CHECK_EQ(client.AwaitReply(first).result, 3);
  CHECK_EQ(client.AwaitReply(second).result, 3);
  CHECK_EQ(client.AwaitReply(closing).result, 0);
  CHECK(::fcntl(fd, F_GETFD) < 0);
}

// Behind it in the file's line, the close would wait as long as the pipe is empty.
TEST(a_close_ends_the_splices_before_it_in_its_line) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  TestClient other(engine.memory(), engine.roster());
  const TestFolder folder;
  const Pipe pipe;
  const int fd = ::open(folder.File("file").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(fd >= 0);
  TestRequest request =
      Transfer(protocol::opcode::kSplice, pipe.out.get(), nullptr, 4, kCurrentPosition);
  request.words.second_fd = fd;
  uint32_t splices[2];
  for (uint32_t& splice : splices) {
    splice = other.Post(request);
    std::memset(other.mailbox().Result(splice) + protocol::payload::kSecondPositionOffset, 0xff,
                sizeof(uint64_t));
  }
  CHECK_EQ(other.Result(Nop()), 0);
  const uint32_t write = client.Post(Write(fd, "text", 4, kCurrentPosition));
  CHECK_EQ(client.Result(CloseFd(fd)), 0);
  CHECK_EQ(client.AwaitReply(write).result, 4);
  for (const uint32_t splice : splices) CHECK_EQ(other.AwaitReply(splice).result, -ECANCELED);
}

TEST(what_is_overdue_says_so) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  TestClient client(engine.memory(), engine.roster());
  const TestFolder folder;
  const std::string fifo = folder.File("fifo");
  CHECK_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Pipe pipe;
  char text[4] = {};
  const uint64_t soon = MonotonicNs() + 20'000'000;
  const uint32_t read = client.Post(Until(soon, Read(pipe.out.get(), text, 4, kCurrentPosition)));
  const uint32_t open = client.Post(Until(soon, Open(fifo.c_str(), O_WRONLY)));
  const uint32_t long_past = client.Post(Until(1, Read(pipe.out.get(), text, 4, kCurrentPosition)));
  client.Publish();
  CHECK_EQ(client.AwaitReply(long_past).result, -ETIMEDOUT);
  CHECK_EQ(client.AwaitReply(read).result, -ETIMEDOUT);
  CHECK_EQ(client.AwaitReply(open).result, -ETIMEDOUT);
  CHECK(MonotonicNs() >= soon);
  CHECK_EQ(client.Result(Until(MonotonicNs() + 60'000'000'000, Nop())), 0);
}

// The next client counts its generations anew: its first request has the slot and the generation of
// the first one before it.
TEST(a_deadline_ends_with_its_client) {
  NEEDS_IO_URING();
  TestEngine engine(SmallRing());
  const Pipe pipe;
  char text[4] = {};
  TestClient other(engine.memory(), engine.roster());
  // As long as this one runs, nothing is simply cleared.
  other.Post(
      Until(MonotonicNs() + 60'000'000'000, Read(pipe.out.get(), text, 4, kCurrentPosition)));
  other.Publish();
  uint64_t soon = 0;
  {
    TestClient first(engine.memory(), engine.roster());
    soon = MonotonicNs() + 100'000'000;
    CHECK_EQ(first.Result(Until(soon, Nop())), 0);
  }
  TestClient second(engine.memory(), engine.roster());
  const Pipe its_own;
  const uint32_t read = second.Post(Read(its_own.out.get(), text, 4, kCurrentPosition));
  second.Publish();
  CHECK(Await([&] { return MonotonicNs() > soon + 20'000'000; }));
  CHECK_EQ(second.Result(Nop()), 0);
  its_own.Write("abc");
  CHECK_EQ(second.AwaitReply(read).result, 3);
}

TEST(deadlines_of_what_is_done_are_forgotten) {
  Deadlines deadlines;
  const auto none_runs = [](const Deadline&) { return false; };
  CHECK(deadlines.empty());
  deadlines.Add({1, 0, 0, 0}, none_runs);  // runs all the time, so that nothing is simply cleared
  for (uint32_t nth = 0; nth < 10'000; nth++) {
    deadlines.Add({5 + nth % 7, 0, nth, 0}, none_runs);
    deadlines.Done();
  }
  uint64_t last = 0;
  uint32_t left = 0;
  for (; !deadlines.empty(); left++) {
    CHECK(deadlines.next().ns >= last);
    last = deadlines.next().ns;
    deadlines.TakeNext();
  }
  CHECK(left <= 1030);
}

}  // namespace
}  // namespace ringpost
