// Drains (native/src/drains.cc), where splices and closes wait for them.
#include <fcntl.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "check.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"

namespace ringpost {
namespace {

namespace flag = protocol::opcode_flag;

constexpr uint64_t kOwnPosition = ~uint64_t{0};

TestRequest Drain(TestRequest request) {
  request.words.opcode |= flag::kChain | flag::kDrain;
  return request;
}

uint32_t PostSplice(TestClient& client, int32_t from, int32_t to, uint64_t position) {
  TestRequest splice = Transfer(protocol::opcode::kSplice, from, nullptr, 4, kCurrentPosition);
  splice.words.second_fd = to;
  const uint32_t slot = client.Post(splice);
  std::memcpy(client.mailbox().Result(slot) + protocol::payload::kSecondPositionOffset, &position,
              sizeof(position));
  return slot;
}

struct Scene {
  explicit Scene(const EngineSetUp& set_up = {}) : engine(set_up) {}

  TestEngine engine;
  TestFolder folder;
  Pipe gate;
  Pipe empty;
  char byte = 0;
  int32_t file = ::open(folder.File("file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  TestClient client{engine.memory(), engine.roster()};
};

void ExpectEndOfSplice(bool behind_another_drain, uint64_t position) {
  Scene scene;
  TestClient& client = scene.client;
  uint32_t first = 0;
  if (behind_another_drain)
    first = client.Post(Drain(Read(scene.gate.out.get(), &scene.byte, 1, kCurrentPosition)));
  const uint32_t splice = PostSplice(client, scene.empty.out.get(), scene.file, position);
  const uint32_t drain = client.Post(Drain(Nop()));
  const uint32_t close = client.Post(CloseFd(scene.file));
  client.Publish();
  if (behind_another_drain) {
    scene.gate.Write("x");
    CHECK_EQ(client.AwaitReply(first).result, 1);
  }
  CHECK_EQ(client.AwaitReply(splice).result, -ECANCELED);
  CHECK_EQ(client.AwaitReply(drain).result, 0);
  CHECK_EQ(client.AwaitReply(close).result, 0);
}

// A file's transfers end by themselves, but a splice waits for its pipe.
TEST(a_close_of_a_file_behind_a_drain_ends_the_splices_before_it) {
  NEEDS_IO_URING();
  ExpectEndOfSplice(false, kOwnPosition);
  ExpectEndOfSplice(true, kOwnPosition);
  ExpectEndOfSplice(false, 0);
}

// It ends without the kernel, which has nothing of it: nothing else makes the engine look again.
TEST(a_drain_that_waits_for_a_doomed_request_alone_begins_at_once) {
  NEEDS_IO_URING();
  constexpr uint32_t kIdleMs = 5000;
  EngineSetUp set_up;
  set_up.idle_wait_ms = kIdleMs;
  Scene scene(set_up);
  TestClient& client = scene.client;
  TestClient other(scene.engine.memory(), scene.engine.roster());
  const Pipe others;
  const uint32_t first_in_line = PostSplice(other, others.out.get(), scene.file, kOwnPosition);
  CHECK_EQ(other.Result(Nop()), 0);
  const uint32_t first =
      client.Post(Drain(Read(scene.gate.out.get(), &scene.byte, 1, kCurrentPosition)));
  const uint32_t splice = PostSplice(client, scene.empty.out.get(), scene.file, kOwnPosition);
  const uint32_t second = client.Post(Drain(Nop()));
  client.PostCancel(protocol::cancel_scope::kClosing, 0, scene.empty.out.get());
  client.Publish();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  scene.gate.Write("x");
  CHECK_EQ(client.AwaitReply(first).result, 1);
  const uint64_t began_ns = MonotonicNs();
  CHECK_EQ(client.AwaitReply(splice).result, -ECANCELED);
  CHECK_EQ(client.AwaitReply(second).result, 0);
  CHECK(MonotonicNs() - began_ns < uint64_t{kIdleMs} * 1'000'000 / 2);
  others.Write("abcd");
  CHECK_EQ(other.AwaitReply(first_in_line).result, 4);
}

}  // namespace
}  // namespace ringpost
