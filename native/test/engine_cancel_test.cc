// Cancelling what a client has in flight (native/src/engine.cc): each request still gets its reply.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
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

}  // namespace
}  // namespace ringpost
