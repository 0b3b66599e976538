// Sleep and wake by native/src/handoff.h, under stress: a lost wake-up would leave the sleeper
// asleep with work in its ring, and shows as a missed deadline.
//
// Every hand-off stands alone: the waker publishes one item and waits until it was taken. In a
// stream of items the next wake would cover up for a lost one.
#include "handoff.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "mailbox_rings.h"
#include "random.h"
#include "unique_fd.h"
#include "variant.h"

namespace ringpost {
namespace {

constexpr int kGenerousMs = 20'000;

// As the engine's: an eventfd that stays readable until it is read.
class Doorbell {
 public:
  Doorbell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_.valid()); }

  void Ring() const {
    const uint64_t one = 1;
    CHECK(::write(fd_.get(), &one, sizeof(one)) == sizeof(one));
  }
  // Sleeps until it is rung, and takes all rings. Returns how many; 0 after the time.
  [[nodiscard]] uint64_t Sleep(int deadline_ms) const {
    pollfd readable = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const timespec deadline = {deadline_ms / 1000, (deadline_ms % 1000) * 1'000'000L};
    while (::ppoll(&readable, 1, &deadline, nullptr) < 0 && errno == EINTR) continue;
    return TakeRings();
  }
  [[nodiscard]] uint64_t TakeRings() const {
    uint64_t rings = 0;
    return ::read(fd_.get(), &rings, sizeof(rings)) == sizeof(rings) ? rings : 0;
  }

 private:
  UniqueFd fd_;
};

// The words of one waker's ring, each writer's on a line of its own.
struct Channel {
  static constexpr uint32_t kCapacity = 2;
  struct alignas(64) Line {
    uint32_t word = UINT32_MAX - 100;  // wraps on the way
  };
  Line tail;
  Line head;
  alignas(64) std::atomic<uint64_t> taken = 0;  // items: what the waker waits for
  alignas(64) uint8_t entries[kCapacity * sizeof(uint64_t)] = {};

  RingPlace place() {
    return {.tail = &tail.word, .head = &head.word, .entries = entries, .capacity = kCapacity};
  }
};

struct Stress {
  explicit Stress(size_t wakers) : channels(wakers) {}

  // Off only to show that this stress notices.
  bool looks_twice = true;
  int deadline_ms = kGenerousMs;
  uint64_t rounds = 0;  // hand-offs of each waker

  alignas(64) uint32_t parked = kAwake;
  std::vector<Channel> channels;
  Doorbell doorbell;
  std::atomic<bool> lost = false;

  // The interleavings of handoff.h, counted by the thread that sees them.
  uint64_t parks = 0;
  uint64_t found_by_second_look = 0;  // W2 before S1
  uint64_t sleeps = 0;
  uint64_t rings_heard = 0;
  std::atomic<uint64_t> claims = 0;  // S1 before W2

  // Which of the two comes first is a matter of some ten nanoseconds: most pauses are of that
  // order, some are long enough for a real sleep, and some let the other thread have this CPU.
  static void Pause(Random& random) {
    if (random.OneIn(8)) std::this_thread::yield();
    const uint32_t most = random.OneIn(32) ? 2000 : 60;
    // The fence keeps the compiler from leaving the loop out.
    for (uint32_t turn = random.Below(most); turn > 0; turn--) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }

  bool TakeWhatIsThere(std::vector<RingConsumer<uint64_t>>& consumers) {
    bool took = false;
    for (size_t nth = 0; nth < channels.size(); nth++) {
      while (consumers[nth].Available() > 0) {
        const uint64_t next = channels[nth].taken.load(std::memory_order_relaxed);
        CHECK_EQ(consumers[nth].Take(), next);
        consumers[nth].Release();
        channels[nth].taken.store(next + 1, std::memory_order_release);
        took = true;
      }
    }
    return took;
  }

  static bool HasWorkOrdered(const std::vector<RingConsumer<uint64_t>>& consumers) {
    for (const auto& consumer : consumers) {
      if (consumer.HasWorkOrdered()) return true;
    }
    return false;
  }

  // As Engine::Run and Engine::WaitForWork do it.
  void SleeperThread(Random random) {
    std::vector<RingConsumer<uint64_t>> consumers;
    for (Channel& channel : channels) consumers.emplace_back(channel.place());
    uint64_t left = rounds * channels.size();
    const auto taken_in_all = [&] {
      uint64_t sum = 0;
      for (const Channel& channel : channels) sum += channel.taken.load(std::memory_order_relaxed);
      return sum;
    };
    while (taken_in_all() < left) {
      if (TakeWhatIsThere(consumers)) {
        Pause(random);
        continue;
      }
      Pause(random);
      Park(parked);
      parks++;
      Pause(random);
      if (looks_twice && HasWorkOrdered(consumers)) {
        Unpark(parked);
        found_by_second_look++;
        continue;
      }
      const uint64_t rings = doorbell.Sleep(deadline_ms);
      Unpark(parked);
      sleeps++;
      rings_heard += rings;
      if (rings > 0) continue;
      lost = true;
      return;
    }
    rings_heard += doorbell.TakeRings();
  }

  void WakerThread(Channel& channel, Random random) {
    RingProducer<uint64_t> producer(channel.place());
    for (uint64_t round = 0; round < rounds; round++) {
      // Mostly quicker than the sleeper, or it would really sleep nearly always, and that is slow.
      if (random.OneIn(4)) Pause(random);
      producer.Push(round);
      CHECK(producer.Publish());
      if (random.OneIn(8)) Pause(random);
      if (ClaimWake(parked)) {
        claims.fetch_add(1, std::memory_order_relaxed);
        doorbell.Ring();
      }
      for (uint32_t spins = 0; channel.taken.load(std::memory_order_acquire) <= round; spins++) {
        if (lost.load(std::memory_order_relaxed)) return;
        if (spins % 256 == 255) std::this_thread::yield();
      }
    }
  }

  void Run() {
    std::vector<std::thread> wakers;
    uint64_t stream = 1;
    for (Channel& channel : channels) {
      wakers.emplace_back(
          [this, &channel, random = Random(stream++)] { WakerThread(channel, random); });
    }
    SleeperThread(Random(0));
    for (std::thread& waker : wakers) waker.join();
    // A ring that came after the sleeper had all it waited for.
    rings_heard += doorbell.TakeRings();
  }

  void Report() const {
    std::printf("%" PRIu64 " hand-offs: %" PRIu64 " parks, %" PRIu64
                " found by the second look, %" PRIu64 " sleeps, %" PRIu64 " claims\n",
                rounds * channels.size(), parks, found_by_second_look, sleeps, claims.load());
  }
};

TEST(a_claim_takes_the_park_away) {
  uint32_t parked = kAwake;
  CHECK(!ClaimWake(parked));
  Park(parked);
  CHECK_EQ(parked, kParked);
  CHECK(ClaimWake(parked));
  CHECK_EQ(parked, kAwake);
  CHECK(!ClaimWake(parked));
  Park(parked);
  Unpark(parked);
  CHECK(!ClaimWake(parked));
}

TEST(no_wake_up_is_lost_in_a_million_hand_offs) {
  Stress stress(1);
  stress.rounds = Repetitions(1'000'000, 150'000);
  stress.Run();
  stress.Report();
  CHECK(!stress.lost);
  CHECK_EQ(stress.channels[0].taken.load(), stress.rounds);
  // Both orders of handoff.h occurred, else this has shown nothing.
  CHECK(stress.found_by_second_look > 0);
  CHECK(stress.claims > 0);
  CHECK(stress.sleeps > 0);
  CHECK_EQ(stress.rings_heard, stress.claims.load());
}

TEST(no_wake_up_is_lost_among_several_wakers) {
  Stress stress(3);
  stress.rounds = Repetitions(100'000, 20'000);
  stress.Run();
  stress.Report();
  CHECK(!stress.lost);
  for (const Channel& channel : stress.channels) CHECK_EQ(channel.taken.load(), stress.rounds);
  CHECK(stress.found_by_second_look > 0);
  CHECK(stress.claims > 0);
  CHECK(stress.claims <= stress.parks);
  CHECK_EQ(stress.rings_heard, stress.claims.load());
}

// The tests above are worth nothing if they would not see it.
TEST(the_stress_notices_a_sleeper_that_does_not_look_twice) {
  Stress stress(1);
  stress.looks_twice = false;
  stress.deadline_ms = 300;
  stress.rounds = 1'000'000;
  stress.Run();
  CHECK(stress.lost);
}

// Many see the sleeper parked at once; one of them has to ring.
TEST(of_several_wakers_one_rings_per_park) {
  constexpr uint32_t kWakers = 3;
  const uint32_t parks = Repetitions(30'000, 10'000);
  uint32_t parked = kAwake;
  std::atomic<uint32_t> round = 0;
  std::atomic<uint32_t> claims = 0;
  std::atomic<uint32_t> done = 0;
  const auto wait_for = [](std::atomic<uint32_t>& word, uint32_t value) {
    while (word.load(std::memory_order_acquire) != value) std::this_thread::yield();
  };
  std::vector<std::thread> wakers;
  for (uint32_t nth = 0; nth < kWakers; nth++) {
    wakers.emplace_back([&] {
      for (uint32_t turn = 1; turn <= parks; turn++) {
        wait_for(round, turn);
        if (ClaimWake(parked)) claims.fetch_add(1, std::memory_order_relaxed);
        done.fetch_add(1, std::memory_order_release);
      }
    });
  }
  for (uint32_t turn = 1; turn <= parks; turn++) {
    Park(parked);
    round.store(turn, std::memory_order_release);
    wait_for(done, turn * kWakers);
    CHECK_EQ(claims.load(std::memory_order_relaxed), turn);
    CHECK_EQ(parked, kAwake);
  }
  for (std::thread& waker : wakers) waker.join();
}

}  // namespace
}  // namespace ringpost
