// The seats of native/src/roster.h: who may sit, who has to leave, and who is told.
#include "roster.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "check.h"
#include "counting_waker.h"
#include "roster_look.h"

namespace ringpost {
namespace {

constexpr uint32_t kSlots = 4;

// Whether the doorbell was rung since the last time.
bool WasRung(const Roster& roster) {
  uint64_t rings = 0;
  return ::read(roster.doorbell(), &rings, sizeof(rings)) == sizeof(rings);
}

TEST(seats_are_given_until_all_are_taken) {
  const auto roster = Roster::Create(3, kSlots);
  REQUIRE(roster != nullptr);
  CHECK(!roster->has_changes());
  for (int client = 0; client < 3; client++) {
    CHECK_EQ(roster->Connect(nullptr), client);
    CHECK(WasRung(*roster));
  }
  CHECK(roster->has_changes());
  CHECK(roster->HasChangesOrdered());
  CHECK_EQ(roster->Connect(nullptr), -EAGAIN);
  CHECK(!WasRung(*roster));

  const Look look = LookAt(*roster);
  CHECK_EQ(look.seats.size(), 3);
  for (uint32_t client = 0; client < look.seats.size(); client++) {
    CHECK_EQ(look.seats[client].client, client);
    CHECK_EQ(look.seats[client].state, SeatState::kOpen);
    CHECK(!look.seats[client].cancel_all);
  }
  CHECK(!look.stopping);
  CHECK(!roster->has_changes());
  CHECK_EQ(LookAt(*roster).seats.size(), 0);
}

TEST(a_closed_seat_is_free_once_it_is_drained) {
  const auto roster = Roster::Create(1, kSlots);
  CHECK_EQ(roster->Connect(nullptr), 0);
  (void)LookAt(*roster);
  uint8_t memory[8];
  CHECK(roster->regions(0).Pin(1, 5, memory, sizeof(memory)));
  roster->Close(0);
  CHECK(roster->has_changes());
  CHECK_EQ(roster->Connect(nullptr), -EAGAIN);
  const Look look = LookAt(*roster);
  CHECK_EQ(look.seats.size(), 1);
  CHECK_EQ(look.seats[0].state, SeatState::kClosing);
  CHECK_EQ(roster->Connect(nullptr), -EAGAIN);

  roster->Drained(0);
  roster->WaitUntilDrained(0);  // returns at once
  CHECK_EQ(roster->Connect(nullptr), 0);
  // The next client finds nothing of the last one.
  Span span;
  CHECK_EQ(roster->regions(0).FindOwn(1, 5, 0, 1, &span), -EFAULT);
}

TEST(closing_twice_is_closing_once) {
  const auto roster = Roster::Create(2, kSlots);
  CHECK_EQ(roster->Connect(nullptr), 0);
  roster->Close(0);
  roster->Close(0);
  CHECK_EQ(LookAt(*roster).seats.size(), 1);
  roster->Drained(0);
  roster->Close(0);  // of a free seat
  CHECK(!roster->has_changes());
  CHECK_EQ(roster->Connect(nullptr), 0);
}

TEST(cancel_all_is_told_once) {
  const auto roster = Roster::Create(2, kSlots);
  CHECK_EQ(roster->Connect(nullptr), 0);
  CHECK_EQ(roster->Connect(nullptr), 1);
  (void)LookAt(*roster);
  roster->CancelAll(1);
  roster->CancelAll(1);
  const Look look = LookAt(*roster);
  CHECK_EQ(look.seats.size(), 1);
  CHECK_EQ(look.seats[0].client, 1);
  CHECK_EQ(look.seats[0].state, SeatState::kOpen);
  CHECK(look.seats[0].cancel_all);
  CHECK_EQ(LookAt(*roster).seats.size(), 0);
}

TEST(a_new_client_inherits_no_cancel) {
  const auto roster = Roster::Create(1, kSlots);
  CHECK_EQ(roster->Connect(nullptr), 0);
  roster->Close(0);
  (void)LookAt(*roster);
  roster->Drained(0);
  roster->CancelAll(0);  // late, by the old client
  CHECK_EQ(roster->Connect(nullptr), 0);
  const Look look = LookAt(*roster);
  CHECK_EQ(look.seats.size(), 1);
  CHECK(!look.seats[0].cancel_all);
}

TEST(stop_refuses_new_clients_and_the_shortest_grace_counts) {
  const auto roster = Roster::Create(2, kSlots);
  CHECK_EQ(roster->Connect(nullptr), 0);
  (void)LookAt(*roster);
  (void)WasRung(*roster);
  roster->Stop(1000);
  CHECK(WasRung(*roster));
  CHECK(roster->has_changes());
  Look look = LookAt(*roster);
  CHECK(look.stopping);
  CHECK_EQ(look.grace_ms, 1000);
  CHECK_EQ(roster->Connect(nullptr), -ESHUTDOWN);
  roster->Stop(10);
  CHECK_EQ(LookAt(*roster).grace_ms, 10);
  roster->Stop(5000);
  look = LookAt(*roster);
  CHECK_EQ(look.grace_ms, 10);
  CHECK(look.stopping);
}

TEST(an_orphan_is_told_once) {
  const auto roster = Roster::Create(3, kSlots);
  std::shared_ptr<CountingWaker> wakers[3];
  for (auto& each : wakers) {
    each = std::make_shared<CountingWaker>();
    CHECK(roster->Connect(each) >= 0);
  }
  roster->Orphan(0);
  CHECK_EQ(wakers[0]->orphaned.load(), 1);
  roster->Close(2);
  roster->EngineGone();
  roster->EngineGone();
  CHECK_EQ(wakers[0]->orphaned.load(), 1);
  CHECK_EQ(wakers[1]->orphaned.load(), 1);
  CHECK_EQ(wakers[2]->orphaned.load(), 0);  // closed: it has gone by itself
  roster->Close(0);
  roster->Close(1);
  for (const auto& each : wakers) CHECK(each->orphaned <= 1);
}

TEST(an_orphans_seat_is_free_after_its_close_alone) {
  const auto roster = Roster::Create(1, kSlots);
  CHECK_EQ(roster->Connect(nullptr), 0);
  roster->Orphan(0);
  CHECK_EQ(roster->Connect(nullptr), -EAGAIN);
  roster->Close(0);
  const Look look = LookAt(*roster);
  CHECK_EQ(look.seats.size(), 1);
  CHECK_EQ(look.seats[0].state, SeatState::kClosing);
  roster->Drained(0);
  CHECK_EQ(roster->Connect(nullptr), 0);
}

// The engine finds a client's memory broken while that client closes: the engine still owes it the
// drain, which the client's thread may be waiting for.
TEST(a_closing_client_can_not_be_orphaned) {
  const auto roster = Roster::Create(1, kSlots);
  const auto waker = std::make_shared<CountingWaker>();
  CHECK_EQ(roster->Connect(waker), 0);
  roster->Close(0);
  roster->Orphan(0);
  CHECK_EQ(waker->orphaned.load(), 0);
  const Look look = LookAt(*roster);
  CHECK_EQ(look.seats.size(), 1);
  CHECK_EQ(look.seats[0].state, SeatState::kClosing);
  roster->Drained(0);
  CHECK_EQ(roster->Connect(nullptr), 0);
}

TEST(when_the_engine_is_gone_nobody_waits_and_nobody_connects) {
  const auto roster = Roster::Create(3, kSlots);
  for (int client = 0; client < 3; client++) CHECK_EQ(roster->Connect(nullptr), client);
  roster->Close(0);
  roster->EngineGone();
  roster->WaitUntilDrained(0);
  roster->Close(1);
  roster->WaitUntilDrained(1);
  roster->CancelAll(2);
  roster->Close(2);
  roster->WaitUntilDrained(2);
  CHECK_EQ(roster->Connect(nullptr), -ESHUTDOWN);
}

TEST(another_thread_waits_until_its_seat_is_drained) {
  for (const bool engine_ends : {false, true}) {
    const auto roster = Roster::Create(1, kSlots);
    CHECK_EQ(roster->Connect(nullptr), 0);
    std::atomic<bool> released = false;
    std::thread client([&] {
      roster->Close(0);
      roster->WaitUntilDrained(0);
      CHECK(released);
    });
    while (!roster->has_changes() || LookAt(*roster).seats.at(0).state != SeatState::kClosing) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    released = true;
    if (engine_ends) {
      roster->EngineGone();
    } else {
      roster->Drained(0);
    }
    client.join();
  }
}

}  // namespace
}  // namespace ringpost
