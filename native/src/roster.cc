#include "roster.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "shared_words.h"

namespace ringpost {

namespace {

// How long a client that finds all seats taken waits for one that is being given back: that takes
// microseconds, unless the kernel can't cancel what its last client had in flight.
constexpr std::chrono::milliseconds kClosingPatience{100};

}  // namespace

std::shared_ptr<Roster> Roster::Create(uint32_t max_clients, uint32_t slot_count) {
  UniqueFd doorbell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!doorbell.valid()) return nullptr;
  return std::make_shared<Roster>(std::move(doorbell), max_clients, slot_count);
}

Roster::Roster(UniqueFd doorbell, uint32_t max_clients, uint32_t slot_count)
    : doorbell_(std::move(doorbell)), slot_count_(slot_count), seats_(max_clients) {}

void Roster::RingDoorbell() const {
  const uint64_t one = 1;
  // Fails only when the counter is full (EAGAIN), and then the engine has 2^64 reasons to wake
  // already.
  [[maybe_unused]] const ssize_t written = ::write(doorbell_.get(), &one, sizeof(one));
}

void Roster::RingForRequests() {
  rung_on_.store(::sched_getcpu(), std::memory_order_relaxed);
  RingDoorbell();
}

int Roster::Connect(std::shared_ptr<ClientWaker> waker, ClientShare share) {
  std::unique_lock lock(mutex_);
  int client = FreeSeat();
  if (client == -EAGAIN && AnyClosing()) {
    drained_.wait_for(lock, kClosingPatience, [&] { return (client = FreeSeat()) != -EAGAIN; });
  }
  if (client < 0) return client;
  Seat& seat = seats_[static_cast<uint32_t>(client)];
  if (seat.regions == nullptr) seat.regions = std::make_unique<RegionTable>(slot_count_);
  seat.state = SeatState::kOpen;
  seat.waker = std::move(waker);
  seat.share = share;
  seat.cancel_all = false;
  MarkChanged(seat);
  return client;
}

int Roster::FreeSeat() const {
  if (stopping_ || gone_) return -ESHUTDOWN;
  const auto free = std::find_if(seats_.begin(), seats_.end(),
                                 [](const Seat& seat) { return seat.state == SeatState::kFree; });
  return free == seats_.end() ? -EAGAIN : static_cast<int>(free - seats_.begin());
}

bool Roster::AnyClosing() const {
  return std::any_of(seats_.begin(), seats_.end(),
                     [](const Seat& seat) { return seat.state == SeatState::kClosing; });
}

void Roster::Close(uint32_t client) {
  std::vector<UniqueFd> unread;  // closed without the mutex: that may wait for a file's server
  const std::lock_guard lock(mutex_);
  Seat& seat = seats_[client];
  if (seat.state == SeatState::kOrphaned && gone_) {
    unread = FreeWithoutEngine(seat);
    return;
  }
  if (seat.state != SeatState::kOpen && seat.state != SeatState::kOrphaned) return;
  seat.state = SeatState::kClosing;
  MarkChanged(seat);
}

void Roster::WaitUntilDrained(uint32_t client) {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [&] { return seats_[client].state != SeatState::kClosing; });
}

void Roster::CancelAll(uint32_t client) {
  const std::lock_guard lock(mutex_);
  Seat& seat = seats_[client];
  seat.cancel_all = true;
  MarkChanged(seat);
}

uint32_t Roster::CountClients() {
  const std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(std::count_if(seats_.begin(), seats_.end(), [](const Seat& seat) {
    return seat.state != SeatState::kFree;
  }));
}

void Roster::Tell(ClosingElsewhere closing) {
  const std::lock_guard lock(mutex_);
  if (gone_) return;
  closing_.push_back(closing);
  changes_.store(true, std::memory_order_seq_cst);  // pairs with HasChangesOrdered
  RingDoorbell();
}

void Roster::TakeClosing(std::vector<ClosingElsewhere>* closing) {
  const std::lock_guard lock(mutex_);
  closing->clear();
  closing->swap(closing_);
}

void Roster::Stop(uint32_t grace_ms) {
  const std::lock_guard lock(mutex_);
  grace_ms_ = stopping_ ? std::min(grace_ms_, grace_ms) : grace_ms;
  stopping_ = true;
  changes_.store(true, std::memory_order_seq_cst);  // pairs with HasChangesOrdered
  RingDoorbell();
}

void Roster::TakeChanges(std::vector<SeatChange>* seats, bool* stopping, uint32_t* grace_ms) {
  const std::lock_guard lock(mutex_);
  changes_.store(false, std::memory_order_relaxed);  // under the mutex, as MarkChanged is
  seats->clear();
  for (uint32_t client = 0; client < seats_.size(); client++) {
    Seat& seat = seats_[client];
    if (!seat.changed) continue;
    seats->push_back({client, seat.state, seat.cancel_all, seat.waker.get(), seat.share});
    seat.changed = false;
    seat.cancel_all = false;
  }
  *stopping = stopping_;
  *grace_ms = grace_ms_;
}

void Roster::Drained(uint32_t client) {
  {
    const std::lock_guard lock(mutex_);
    Free(seats_[client]);
  }
  drained_.notify_all();
}

void Roster::Orphan(uint32_t client) {
  const std::lock_guard lock(mutex_);
  OrphanLocked(seats_[client]);
}

void Roster::Bequeath(uint32_t client, Estate estate) {
  const std::lock_guard lock(mutex_);
  seats_[client].estate = std::move(estate);
}

void Roster::EngineGone() {
  std::vector<UniqueFd> unread;  // as in Close
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    gone_ = true;
    for (Seat& seat : seats_) {
      OrphanLocked(seat);
      if (seat.state != SeatState::kClosing) continue;
      for (UniqueFd& fd : FreeWithoutEngine(seat)) unread.push_back(std::move(fd));
    }
  }
  drained_.notify_all();
}

void Roster::MarkChanged(Seat& seat) {
  seat.changed = true;
  changes_.store(true, std::memory_order_seq_cst);  // pairs with HasChangesOrdered
  RingDoorbell();
}

void Roster::Free(Seat& seat) {
  seat.regions->Clear();
  seat.waker.reset();
  seat.state = SeatState::kFree;
}

// The counters have no other writer any more: the engine's thread writes none once it is gone, and
// whoever is here has the mutex.
std::vector<UniqueFd> Roster::FreeWithoutEngine(Seat& seat) {
  Estate& estate = seat.estate;
  std::vector<UniqueFd> unread = estate.handed.TakeUnread(estate.replies);
  if (estate.connected != nullptr) {
    Count(*estate.connected, ~uint64_t{0});  // to 0
    Count(*estate.drained);
  }
  Free(seat);
  return unread;
}

void Roster::OrphanLocked(Seat& seat) {
  // A client that is closing stays so: its thread may be waiting until it is drained.
  if (seat.state != SeatState::kOpen) return;
  seat.state = SeatState::kOrphaned;
  if (seat.waker != nullptr) seat.waker->Orphan();
}

}  // namespace ringpost
