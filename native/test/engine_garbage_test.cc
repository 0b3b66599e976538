// A client whose memory says what can't be (native/src/take_requests.cc): its requests are refused,
// or it gets no more service; the engine lives, and the other clients notice nothing.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
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

namespace opcode = protocol::opcode;
namespace region = protocol::region;

constexpr uint32_t kSlots = 8;
constexpr uint8_t kCanary = 0xc3;

// A client that does right, on its own thread, for as long as the test takes.
class HonestClient {
 public:
  explicit HonestClient(TestEngine& engine)
      : path_(folder_.FileWith("honest", "honest content")), thread_([this, &engine] {
          TestClient client(engine.memory(), engine.roster());
          while (!enough_) {
            char text[32] = {};
            const Reply reply = client.Ask(ReadFile(path_.c_str(), text, sizeof(text)));
            CHECK_EQ(reply.result, 14);
            CHECK_EQ(std::string(text), "honest content");
            rounds_++;
          }
          CHECK_EQ(client.strays(), 0);
        }) {
    CHECK(Await([this] { return rounds_ > 0; }));
  }
  ~HonestClient() {
    // It is served to the end.
    const uint32_t before = rounds_;
    CHECK(Await([this, before] { return rounds_ > before; }));
    enough_ = true;
    thread_.join();
  }

 private:
  const TestFolder folder_;
  const std::string path_;
  std::atomic<bool> enough_ = false;
  std::atomic<uint32_t> rounds_ = 0;
  std::thread thread_;
};

// Memory that a garbage client has pinned, between canaries.
class PinnedMemory {
 public:
  static constexpr uint32_t kBytes = 1000;

  uint8_t* base() { return bytes_.data() + kMargin; }
  [[nodiscard]] bool CanariesLive() const {
    for (size_t i = 0; i < kMargin; i++) {
      if (bytes_[i] != kCanary || bytes_[kMargin + kBytes + i] != kCanary) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kMargin = 4096;
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(2 * kMargin + kBytes, kCanary);
};

class GarbageClient {
 public:
  GarbageClient(TestEngine& engine, Random random)
      : client_(engine.memory(), engine.roster()), random_(random) {
    CHECK(client_.seat() >= 0);
    // All paths that can be named are the root folder: nothing is ever made by an open.
    for (uint32_t slot = 0; slot < kSlots; slot++) {
      std::memset(client_.mailbox().Path(slot), '/', protocol::payload::kPathCapacity);
    }
  }

  // Posts some entries of random words, and waits for as many replies.
  void Batch() {
    const uint32_t count = 1 + random_.Below(kSlots);
    for (uint32_t slot = 0; slot < kSlots; slot++) {
      CHECK(client_.regions().Pin(slot, kGeneration, memory_.base(), PinnedMemory::kBytes));
    }
    for (uint32_t nth = 0; nth < count; nth++) client_.PostRaw(RandomWords());
    client_.Publish();
    const uint32_t strays_before = client_.strays();
    CHECK(Await([&] {
      client_.KeepReplies();
      return client_.strays() - strays_before >= count;
    }));
    CHECK_EQ(client_.strays() - strays_before, count);
    CHECK(memory_.CanariesLive());
  }

 private:
  static constexpr uint32_t kGeneration = 7;

  // Each word is wild, or nearly right.
  Request RandomWords() {
    uint32_t words[sizeof(Request) / 4];
    for (uint32_t& word : words) word = random_.OneIn(2) ? random_.Word() : random_.Below(9);
    Request request;
    std::memcpy(&request, words, sizeof(request));
    if (!random_.OneIn(4)) request.slot = random_.Below(kSlots);
    if (!random_.OneIn(4)) request.opcode = random_.Below(protocol::kLastOpcode + 1);
    // These have no reply, or not by themselves: poll_streams_test.cc.
    const uint32_t op = request.opcode & protocol::kOpcodeMask;  // flags may stand beside it
    if (op == opcode::kCancel || op == opcode::kPollEvents || op == opcode::kNextEvents) {
      request.opcode = opcode::kNop;
    }
    if (!random_.OneIn(4)) request.region = random_.OneIn(4) ? region::kNone : region::kOwn;
    if (!random_.OneIn(4)) request.region_generation = kGeneration;
    if (!random_.OneIn(4)) request.region_offset = random_.Below(PinnedMemory::kBytes + 2);
    if (!random_.OneIn(4)) request.length = random_.Below(PinnedMemory::kBytes + 2);
    // No descriptor of this process, but for one that reads for ever and swallows all.
    const bool closes = request.opcode == opcode::kClose || request.opcode == opcode::kReadRest;
    const auto wild_fd = static_cast<int32_t>(random_.Word() | 1u << 20);
    request.fd = closes || random_.OneIn(2) ? wild_fd : zero_.get();
    // No open succeeds, since nobody here would close it: what has to be made must not be there
    // yet. O_PATH would ignore that.
    if (request.opcode == opcode::kOpen || request.opcode == opcode::kOpenat2 ||
        request.opcode == opcode::kReadFile) {
      request.flags = (request.flags | O_CREAT | O_EXCL) & ~uint32_t{O_PATH | O_DIRECTORY};
    }
    // No wait is for ever: a moment, and a word that nobody writes.
    if (op == opcode::kTimeout) {
      request.position_high = 0;
      request.position_low %= 100'000;
    }
    if (op == opcode::kFutexWait) request.flags = 0x1234'5678;
    if (op == opcode::kPipe) request.flags |= O_APPEND;  // refused, for the same reason
    return request;
  }

  PinnedMemory memory_;
  const UniqueFd zero_ = UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  TestClient client_;
  Random random_;
};

TEST(garbage_in_requests_gets_its_replies_and_harms_nobody) {
  NEEDS_IO_URING();
  const int descriptors = OpenDescriptors();
  {
    EngineSetUp set_up;
    set_up.slot_count = kSlots;
    TestEngine engine(set_up);
    HonestClient honest(engine);
    GarbageClient garbage(engine, Random(1));
    for (uint32_t batch = 0; batch < Repetitions(20'000, 4'000) && !check::HasFailed(); batch++)
      garbage.Batch();
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

// Writes the words into a fresh client's mailbox, rings, and expects the end of its service.
void ExpectBreakOff(TestEngine& engine, const std::function<void(const Mailbox&)>& spoil) {
  const auto waker = std::make_shared<CountingWaker>();
  TestClient client(engine.memory(), engine.roster(), waker);
  REQUIRE(client.seat() >= 0);
  CHECK_EQ(client.Result(Nop()), 0);
  spoil(client.mailbox());
  engine.roster().RingDoorbell();
  CHECK(Await([&] { return waker->orphaned > 0; }));
  client.CloseAndDrain();
  CHECK_EQ(waker->orphaned.load(), 1);
}

TEST(a_wild_request_tail_ends_the_service) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = kSlots;
  TestEngine engine(set_up);
  HonestClient honest(engine);
  Random random(2);
  for (uint32_t round = 0; round < Repetitions(500, 200) && !check::HasFailed(); round++) {
    // From one too many to all but one of 2^32.
    const uint32_t too_many =
        round < 4 ? kSlots + 1 + round : kSlots + 1 + random.Below(UINT32_MAX - kSlots);
    ExpectBreakOff(engine, [&](const Mailbox& mailbox) {
      StoreOrdered(*mailbox.requests.tail, LoadIndex(*mailbox.requests.head) + too_many);
    });
  }
}

TEST(a_wild_reply_head_ends_the_service) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = kSlots;
  TestEngine engine(set_up);
  HonestClient honest(engine);
  Random random(3);
  for (uint32_t round = 0; round < Repetitions(500, 200) && !check::HasFailed(); round++) {
    ExpectBreakOff(engine, [&](const Mailbox& mailbox) {
      const uint32_t replies_never_made = 1 + random.Below(UINT32_MAX - kSlots - 1);
      StoreIndex(*mailbox.replies.head, LoadIndex(*mailbox.replies.tail) + replies_never_made);
      // It is looked at when there is a request to take.
      StoreOrdered(*mailbox.requests.tail, LoadIndex(*mailbox.requests.head) + 1);
    });
  }
}

// A chain comes whole. Steps behind an entry that is none might run after one before it has failed.
TEST(an_entry_between_the_steps_of_a_chain_ends_the_service) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = kSlots;
  TestEngine engine(set_up);
  HonestClient honest(engine);
  const TestFolder folder;
  const std::string path = folder.FileWith("must stay", "");
  for (const bool between_all : {true, false}) {
    const auto waker = std::make_shared<CountingWaker>();
    TestClient client(engine.memory(), engine.roster(), waker);
    TestRequest steps[] = {Fsync(-1), Nop(), Operation(opcode::kUnlink)};
    steps[2].path = path.c_str();
    steps[0].words.opcode |= protocol::opcode_flag::kChain | protocol::opcode_flag::kLink;
    steps[1].words.opcode |= protocol::opcode_flag::kLink;
    for (const TestRequest& step : steps) {
      if (between_all || step.path != nullptr) client.PostCancel(protocol::cancel_scope::kAll, 0);
      client.Post(step);
    }
    client.Publish();
    CHECK(Await([&] { return waker->orphaned > 0; }));
    client.CloseAndDrain();
    CHECK_EQ(::access(path.c_str(), F_OK), 0);
  }
}

TEST(the_same_slot_twice_is_refused_the_second_time) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = kSlots;
  TestEngine engine(set_up);
  TestClient client(engine.memory(), engine.roster());
  const Pipe pipe;
  char text[8] = {};
  const uint32_t slot = client.Post(Read(pipe.out.get(), text, sizeof(text), kCurrentPosition));
  Request again = Nop().words;
  again.slot = slot;
  client.PostRaw(again);
  client.Publish();
  CHECK(Await([&] {
    client.KeepReplies();
    return client.strays() == 1;
  }));
  pipe.Write("still");
  CHECK_EQ(client.AwaitReply(slot).result, 5);
  CHECK_EQ(std::string(text), "still");
}

// The entries of a ring that was never written to are no operation.
TEST(a_tail_within_the_ring_takes_whatever_lies_there) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = kSlots;
  TestEngine engine(set_up);
  HonestClient honest(engine);
  TestClient client(engine.memory(), engine.roster());
  StoreOrdered(*client.mailbox().requests.tail,
               LoadIndex(*client.mailbox().requests.head) + kSlots);
  engine.roster().RingDoorbell();
  CHECK(Await([&] {
    client.KeepReplies();
    return client.strays() == kSlots;
  }));
}

}  // namespace
}  // namespace ringpost
