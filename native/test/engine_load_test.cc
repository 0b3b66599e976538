// Many requests through small rings: none is lost, doubled, or answered with another one's result.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "random.h"
#include "real_ring.h"
#include "test_engine.h"
#include "test_files.h"
#include "variant.h"

namespace ringpost {
namespace {

constexpr uint32_t kFileBytes = 1 << 16;

// The byte at a position of the test's file.
uint8_t ByteAt(uint64_t position) { return static_cast<uint8_t>((position * 2654435761u) >> 13); }

std::string FileContent() {
  std::string content(kFileBytes, '\0');
  for (uint32_t i = 0; i < kFileBytes; i++) content[i] = static_cast<char>(ByteAt(i));
  return content;
}

// Keeps as much in flight as there are slots, of requests whose results differ, until `count` have
// their replies.
class Traffic {
 public:
  Traffic(TestClient& client, int fd, const char* path, uint32_t slot_count, Random random)
      : client_(client), fd_(fd), path_(path), random_(random), expected_(slot_count) {}

  void Run(uint32_t count) {
    uint32_t posted = 0;
    uint32_t settled = 0;
    const auto take = [&] {
      return client_.TakeReplies([&](const Reply& reply) {
        settled++;
        CheckReply(reply);
      });
    };
    while (settled < count) {
      // Not always as many as there is room for: batches of all sizes.
      while (posted < count && client_.HasFreeSlot() && !random_.OneIn(8)) {
        PostOne();
        posted++;
      }
      client_.Publish();
      if (take() > 0 || client_.in_flight() == 0) continue;
      if (random_.OneIn(2)) {
        if (!CHECK(client_.SleepUntilNotified())) return;
      } else if (!CHECK(Await([&] { return take() > 0; }))) {
        return;
      }
    }
    CHECK_EQ(posted, count);
    CHECK_EQ(client_.in_flight(), 0);
    CHECK_EQ(client_.strays(), 0);
  }

 private:
  struct Expected {
    int32_t result = 0;
    uint64_t position = 0;
    std::vector<uint8_t> buffer = std::vector<uint8_t>(600);
    bool reads = false;
  };

  void PostOne() {
    // Which slot it will be is known only afterwards: so each kind of request is prepared here.
    const uint32_t length = 1 + random_.Below(500);
    const uint64_t position = random_.Below(kFileBytes + 100);
    const auto left = position < kFileBytes ? kFileBytes - position : 0;
    Expected expected;
    expected.position = position;
    TestRequest request = Nop();
    if (!kept_fds_.empty()) {
      request = CloseFd(kept_fds_.back());
      kept_fds_.pop_back();
      expected_[client_.Post(request)] = std::move(expected);
      return;
    }
    switch (random_.Below(6)) {
      case 0:
        break;
      case 1:
        expected.result = -EBADF;
        request = Fsync(-1);
        break;
      case 2:
        expected.result = -EINVAL;
        request = Operation(1000 + length);
        break;
      case 3:
        expected.result = -ENOENT;
        request = Stat("/proc/none");
        break;
      case 4:
        expected.reads = true;
        expected.position = 0;
        expected.result = static_cast<int32_t>(length);
        request = ReadFile(path_, expected.buffer.data(), length);
        break;
      default:
        expected.reads = true;
        expected.result = static_cast<int32_t>(std::min<uint64_t>(length, left));
        request = Read(fd_, expected.buffer.data(), length, position);
    }
    // The vector's memory moves along with it.
    expected_[client_.Post(request)] = std::move(expected);
  }

  void CheckReply(const Reply& reply) {
    const Expected& expected = expected_[reply.slot];
    CHECK_EQ(reply.result, expected.result);
    if ((reply.note & protocol::reply_note::kKeepsFd) != 0) {
      kept_fds_.emplace_back();
      std::memcpy(&kept_fds_.back(), client_.mailbox().Result(reply.slot), sizeof(int32_t));
    }
    if (!expected.reads || reply.result < 0) return;
    for (int32_t i = 0; i < reply.result; i++) {
      if (!CHECK_EQ(expected.buffer[static_cast<size_t>(i)],
                    ByteAt(expected.position + static_cast<uint32_t>(i))))
        return;
    }
  }

  TestClient& client_;
  const int fd_;
  const char* const path_;
  Random random_;
  std::vector<Expected> expected_;
  // Files that a read into too small a buffer left open. The engine closes them when asked, or with
  // their client.
  std::vector<int32_t> kept_fds_;
};

void RunTraffic(const EngineSetUp& set_up, uint32_t clients, uint32_t count_each) {
  const TestFolder folder;
  const std::string path = folder.FileWith("bytes", FileContent());
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int descriptors = OpenDescriptors();
  {
    TestEngine engine(set_up);
    std::vector<std::thread> threads;
    for (uint32_t nth = 0; nth < clients; nth++) {
      threads.emplace_back([&, random = Random(nth)] {
        TestClient client(engine.memory(), engine.roster());
        if (!CHECK(client.seat() >= 0)) return;
        Traffic(client, fd.get(), path.c_str(), set_up.slot_count, random).Run(count_each);
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_EQ(engine.counter(protocol::engine_counter::kOverflows), 0);
    engine.Stop(0);
    uint64_t taken = 0;
    uint64_t replied = 0;
    for (uint32_t client = 0; client < set_up.max_clients; client++) {
      const uint64_t* counters = engine.memory().mailbox(client).counters;
      taken += counters[protocol::service_counter::kTaken];
      replied += counters[protocol::service_counter::kReplied];
    }
    CHECK_EQ(taken, uint64_t{clients} * count_each);
    CHECK_EQ(replied, taken);
  }
  CHECK_EQ(OpenDescriptors(), descriptors);
}

TEST(ten_thousand_requests_through_two_slots) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 2;
  set_up.ring_entries = 4;
  RunTraffic(set_up, 1, 10'000);
}

TEST(ten_thousand_requests_through_eight_slots) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 8;
  set_up.ring_entries = 4;
  RunTraffic(set_up, 1, 10'000);
}

TEST(four_clients_through_a_ring_smaller_than_any_of_them) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 16;
  set_up.ring_entries = 4;
  RunTraffic(set_up, 4, Repetitions(10'000, 4'000));
}

TEST(four_clients_through_a_large_ring) {
  NEEDS_IO_URING();
  EngineSetUp set_up;
  set_up.slot_count = 64;
  set_up.ring_entries = 256;
  RunTraffic(set_up, 4, Repetitions(20'000, 5'000));
}

}  // namespace
}  // namespace ringpost
