// Who is connected to an engine, and what the engine has yet to do about it. Shared by the engine's
// thread and the threads of all its clients; owned by all of them together (shared_ptr), so that
// each may end in any order.
//
// These are the rare events (connect, close, cancel all, stop), so a mutex guards them. The path of
// a request touches only has_changes(), one acquire load per round of the engine.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "handed_descriptors.h"
#include "regions.h"
#include "unique_fd.h"

namespace ringpost {

// One client's seat. FREE → OPEN (Connect, client's thread) → CLOSING (Close, client's thread) →
// FREE (Drained, engine's). Or OPEN → ORPHANED (the engine is gone, or serves this client no more)
// → FREE (Close).
enum class SeatState : uint8_t { kFree, kOpen, kClosing, kOrphaned };

// How the engine's thread reaches a client's. Neither must block. May outlive the client: the seat
// holds it until it is free again.
class ClientWaker {
 public:
  virtual ~ClientWaker() = default;
  // Stage 8: it is parked no more, and has replies.
  virtual void Wake() = 0;
  // It gets no more replies than those in its ring. Once, with the roster's mutex held.
  virtual void Orphan() = 0;
};

// How much of the engine a client may have. Its own memory has no say in it.
struct ClientShare {
  uint32_t credits =
      UINT32_MAX;       // requests with the engine at a time; no more than there are slots
  uint32_t weight = 1;  // requests taken in its turn, as a multiple of the others'
};

// What an engine that is gone has put into the mailbox of a client that it served, and where it has
// counted it. The roster's to tidy up and to count when the client closes.
struct Estate {
  RingProducer<Reply> replies;
  HandedDescriptors handed;
  uint64_t* connected = nullptr;  // service_counter::kConnected; null where there is no estate
  uint64_t* drained = nullptr;    // engine_counter::kClientsDrained
};

// What the engine has to do for a seat, as it was when the roster was read.
struct SeatChange {
  uint32_t client;
  SeatState state;
  bool cancel_all;
  ClientWaker* waker;  // until Drained
  ClientShare share;
};

// A descriptor that another ring of this engine is to close, and when that was known: what waits on
// it since before is to be cancelled.
struct ClosingElsewhere {
  int32_t fd;
  uint64_t since_ns;
};

class Roster {
 public:
  // Returns nullptr where no doorbell (eventfd) can be had; errno says why.
  [[nodiscard]] static std::shared_ptr<Roster> Create(uint32_t max_clients, uint32_t slot_count);

  Roster(UniqueFd doorbell, uint32_t max_clients, uint32_t slot_count);

  [[nodiscard]] int doorbell() const { return doorbell_.get(); }
  // Of a seat that has been connected.
  [[nodiscard]] RegionTable& regions(uint32_t client) { return *seats_[client].regions; }

  // --- Any thread ---

  // Wakes a parked engine.
  void RingDoorbell() const;
  // The same, of a client with requests: the engine is told on which CPU it runs.
  void RingForRequests();

  // Takes a free seat. Returns its number, -EAGAIN where all are taken (waiting shortly for one
  // that is being given back), -ESHUTDOWN where the engine is stopping or gone.
  [[nodiscard]] int Connect(std::shared_ptr<ClientWaker> waker, ClientShare share = {});
  // The client posts no more. What it has in flight is cancelled. Its mailbox is still there.
  void Close(uint32_t client);
  // Blocks until the kernel holds nothing of a closed client. The engine's thread, or its end, sees
  // to it.
  void WaitUntilDrained(uint32_t client);
  // Cancels what the client has in flight; it stays open, and gets its replies.
  void CancelAll(uint32_t client);
  // How many seats are taken, or being given back.
  [[nodiscard]] uint32_t CountClients();
  // Where the mailboxes of its ring are: which memory it is, and nothing else. Set before any other
  // thread knows the roster.
  void SetMemory(const void* memory) { memory_ = memory; }
  [[nodiscard]] const void* memory() const { return memory_; }
  // There are other rings of this engine (registry.h), which will tell what they close.
  void SetHasSiblings() { has_siblings_.store(true, std::memory_order_relaxed); }
  void Tell(ClosingElsewhere closing);
  // How many slabs the kernel has places for, those of client 0 first. Relaxed: known before any
  // client connects, which orders it.
  void SetSlabPlaces(uint32_t count) { slab_places_.store(count, std::memory_order_relaxed); }
  [[nodiscard]] uint32_t slab_places() const {
    return slab_places_.load(std::memory_order_relaxed);
  }
  // The engine takes no more requests, but cancellations; what is in flight may finish, and is
  // cancelled when nothing has finished for so long.
  void Stop(uint32_t grace_ms);

  // --- The engine's thread ---

  [[nodiscard]] bool has_changes() const {
    return changes_.load(
        std::memory_order_acquire);  // pairs with MarkChanged; the mutex orders the rest
  }
  // S2 of handoff.h for the roster: MarkChanged is the publish, and always rings.
  [[nodiscard]] bool HasChangesOrdered() const { return changes_.load(std::memory_order_seq_cst); }
  // The CPU of the client that rang last; -1 before the first one. Relaxed: a hint.
  [[nodiscard]] int rung_on() const { return rung_on_.load(std::memory_order_relaxed); }
  // Reads what has changed since the last call. `seats` keeps its capacity.
  void TakeChanges(std::vector<SeatChange>* seats, bool* stopping, uint32_t* grace_ms);
  // Known before any client connects, which orders it.
  [[nodiscard]] bool has_siblings() const { return has_siblings_.load(std::memory_order_relaxed); }
  // What siblings have told since the last call.
  void TakeClosing(std::vector<ClosingElsewhere>* closing);
  // Nothing of a closed client is in flight any more, its mailbox is empty: the seat is free.
  void Drained(uint32_t client);
  // This client gets no more service. Tells it.
  void Orphan(uint32_t client);
  // The engine publishes no more replies to this client: its descriptors in those that are unread
  // are the roster's to close, if the client closes without having read them.
  void Bequeath(uint32_t client, Estate estate);
  // The engine serves nobody any more, and its ring is closed: orphans all.
  void EngineGone();

 private:
  struct Seat {
    SeatState state = SeatState::kFree;
    bool cancel_all = false;
    bool changed = false;
    std::shared_ptr<ClientWaker> waker;
    ClientShare share;
    std::unique_ptr<RegionTable>
        regions;    // made for the seat's first client, kept for the next ones
    Estate estate;  // once the engine is gone
  };

  // With the mutex held.
  [[nodiscard]] int FreeSeat() const;
  [[nodiscard]] bool AnyClosing() const;
  void MarkChanged(Seat& seat);
  void OrphanLocked(Seat& seat);
  static void Free(Seat& seat);
  // Returns the descriptors that are the caller's to close.
  [[nodiscard]] static std::vector<UniqueFd> FreeWithoutEngine(Seat& seat);

  const UniqueFd doorbell_;
  const uint32_t slot_count_;
  const void* memory_ = nullptr;
  std::vector<Seat> seats_;  // never resized: its size may be read without the mutex
  std::atomic<bool> changes_ = false;
  std::atomic<int> rung_on_ = -1;
  std::atomic<bool> has_siblings_ = false;
  std::atomic<uint32_t> slab_places_ = 0;

  std::mutex mutex_;
  std::condition_variable drained_;
  bool stopping_ = false;
  bool gone_ = false;
  uint32_t grace_ms_ = 0;
  std::vector<ClosingElsewhere> closing_;
};

}  // namespace ringpost
