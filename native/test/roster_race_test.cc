// Connect, close and the engine's end from many threads at once (native/src/roster.h).
#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "counting_waker.h"
#include "random.h"
#include "roster.h"
#include "roster_look.h"
#include "variant.h"

namespace ringpost {
namespace {

constexpr uint32_t kSlots = 4;

// A few seats, more clients than seats, and an engine that drains whoever closes.
class Crowd {
 public:
  static constexpr uint32_t kSeats = 3;
  static constexpr uint32_t kClients = 5;

  void ClientThread(Random random) {
    for (uint32_t visit = 0; visit < kVisits;) {
      const auto waker = std::make_shared<CountingWaker>();
      const int seat = roster_->Connect(waker);
      if (seat < 0) {
        CHECK_EQ(seat, -EAGAIN);
        std::this_thread::yield();
        continue;
      }
      visit++;
      const auto client = static_cast<uint32_t>(seat);
      CHECK_EQ(sitting_[client].fetch_add(1), 0);
      uint8_t memory[4];
      CHECK(roster_->regions(client).Pin(visit % kSlots, visit, memory, sizeof(memory)));
      if (random.OneIn(2)) roster_->CancelAll(client);
      if (random.OneIn(2)) std::this_thread::yield();
      CHECK_EQ(sitting_[client].fetch_sub(1), 1);
      roster_->Close(client);
      if (random.OneIn(2)) roster_->WaitUntilDrained(client);
      CHECK_EQ(waker->orphaned.load(), 0);
    }
    left_++;
  }

  void EngineThread() {
    while (left_ < kClients || roster_->has_changes()) {
      if (!roster_->has_changes()) {
        std::this_thread::yield();
        continue;
      }
      for (const SeatChange& change : LookAt(*roster_).seats) {
        if (change.state != SeatState::kClosing) continue;
        CHECK_EQ(sitting_[change.client].load(), 0);
        drained_++;
        roster_->Drained(change.client);
      }
    }
  }

  void Run() {
    std::thread engine([this] { EngineThread(); });
    std::vector<std::thread> clients;
    for (uint32_t nth = 0; nth < kClients; nth++) {
      clients.emplace_back([this, random = Random(nth)] { ClientThread(random); });
    }
    for (std::thread& client : clients) client.join();
    engine.join();
    CHECK_EQ(drained_, kClients * kVisits);
    for (uint32_t seat = 0; seat < kSeats; seat++) CHECK(roster_->Connect(nullptr) >= 0);
  }

 private:
  static constexpr uint32_t kVisits = Repetitions(20'000, 4'000);

  const std::shared_ptr<Roster> roster_ = Roster::Create(kSeats, kSlots);
  std::atomic<int> sitting_[kSeats] = {};
  std::atomic<uint32_t> left_ = 0;
  uint32_t drained_ = 0;  // the engine's
};

TEST(clients_race_for_seats_and_every_one_is_drained) { Crowd().Run(); }

// The engine ends while clients come and go: none of them may wait for ever.
TEST(the_engines_end_races_with_clients) {
  for (uint32_t round = 0; round < Repetitions(300, 100); round++) {
    const auto roster = Roster::Create(4, kSlots);
    std::vector<std::thread> clients;
    for (int nth = 0; nth < 3; nth++) {
      clients.emplace_back([&] {
        const auto waker = std::make_shared<CountingWaker>();
        const int seat = roster->Connect(waker);
        if (seat < 0) {
          CHECK_EQ(seat, -ESHUTDOWN);
          return;
        }
        std::this_thread::yield();
        roster->Close(static_cast<uint32_t>(seat));
        const int told = waker->orphaned;  // none can come after the close
        roster->WaitUntilDrained(static_cast<uint32_t>(seat));
        CHECK(told <= 1);
        CHECK_EQ(waker->orphaned.load(), told);
      });
    }
    if (round % 2 == 0) std::this_thread::yield();
    if (round % 3 == 0) roster->Stop(0);
    roster->EngineGone();
    for (std::thread& client : clients) client.join();
    CHECK_EQ(roster->Connect(nullptr), -ESHUTDOWN);
  }
}

}  // namespace
}  // namespace ringpost
