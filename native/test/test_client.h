// A client in plain C++: stages 1, 2 and 9 of a request's way without JavaScript. It polls for its
// replies, always with a deadline. One thread's, as any client.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "handoff.h"
#include "roster.h"
#include "shared_memory.h"
#include "test_requests.h"

namespace ringpost {

inline constexpr std::chrono::seconds kDeadline{30};

// Waits until the condition holds. Returns false after the deadline.
template <typename Condition>
bool Await(Condition holds) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  for (uint32_t tries = 0; !holds(); tries++) {
    if (std::chrono::steady_clock::now() > end) return false;
    if (tries < 100) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  return true;
}

class TestClient {
 public:
  TestClient(const SharedMemory& memory, Roster& roster,
             std::shared_ptr<ClientWaker> waker = nullptr, ClientShare share = {})
      : memory_(memory), roster_(roster), slots_(memory.slot_count()) {
    seat_ = roster.Connect(std::move(waker), share);
    if (seat_ < 0) return;
    mailbox_ = memory.mailbox(index());
    requests_ = RingProducer<Request>(mailbox_.requests);
    replies_ = RingConsumer<Reply>(mailbox_.replies);
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;
  // As a thread's end: the memory of the requests may be gone right after.
  ~TestClient() { CloseAndDrain(); }

  // The seat's number, or -errno.
  [[nodiscard]] int seat() const { return seat_; }
  [[nodiscard]] uint32_t index() const { return static_cast<uint32_t>(seat_); }
  [[nodiscard]] const Mailbox& mailbox() const { return mailbox_; }
  [[nodiscard]] RegionTable& regions() const { return roster_.regions(index()); }
  // Replies that no request was waiting for: doubled, of another generation, or to PostRaw.
  [[nodiscard]] uint32_t strays() const { return strays_; }
  [[nodiscard]] uint32_t in_flight() const { return in_flight_; }
  [[nodiscard]] bool HasFreeSlot() const { return FreeSlot() < slots_.size(); }

  // Entries that the request ring has room for.
  [[nodiscard]] uint32_t Room() const { return requests_.Room(); }

  void CancelAll() { roster_.CancelAll(index()); }
  // An entry of the request ring, which needs no slot. Leaves with the next Publish.
  void PostCancel(uint32_t scope, uint32_t slot, int32_t fd = -1) {
    Request words = {};
    words.opcode = protocol::opcode::kCancel;
    words.flags = scope;
    words.slot = slot;
    words.generation = slot < slots_.size() ? slots_[slot].generation : 0;
    words.fd = fd;
    requests_.Push(words);
  }
  // Asks for the next events of a stream; as a cancel entry.
  void PostNextEvents(uint32_t slot) {
    Request words = {};
    words.opcode = protocol::opcode::kNextEvents;
    words.slot = slot;
    words.generation = slot < slots_.size() ? slots_[slot].generation : 0;
    requests_.Push(words);
  }
  void Close() { roster_.Close(index()); }
  void CloseAndDrain() {
    if (seat_ < 0) return;
    Close();
    roster_.WaitUntilDrained(index());
    seat_ = kNoSeat;
  }

  // --- Stage 1 ---

  // Writes the request into the ring; there is a free slot. Returns the slot.
  uint32_t Post(const TestRequest& request) {
    const uint32_t slot = Occupy();
    Request words = request.words;
    words.slot = slot;
    words.generation = slots_[slot].generation;
    if (request.path != nullptr) {
      words.path_bytes = static_cast<uint32_t>(std::strlen(request.path));
      std::memcpy(mailbox_.Path(slot), request.path, words.path_bytes);
    }
    if (request.deadline_ns != 0) {
      words.opcode |= protocol::opcode_flag::kDeadline;
      std::memcpy(mailbox_.Result(slot) + protocol::payload::kDeadlineOffset, &request.deadline_ns,
                  sizeof(request.deadline_ns));
    }
    if (request.base != nullptr || !request.vectors.empty()) Pin(request, &words);
    requests_.Push(words);
    return slot;
  }
  // An entry as it is, beside this client's bookkeeping.
  void PostRaw(const Request& words) { requests_.Push(words); }

  // --- Stage 2 ---

  void Publish() {
    requests_.Publish();
    if (ClaimWake(memory_.parked())) roster_.RingDoorbell();
  }

  // --- Stage 9 ---

  // Takes all replies that are there, and gives the expected ones to `use`. Returns how many there
  // were.
  template <typename Use>
  uint32_t TakeReplies(Use use) {
    const uint32_t count = replies_.Available();
    if (!CHECK(count <= slots_.size() * protocol::kRepliesPerSlot)) return 0;
    for (uint32_t nth = 0; nth < count; nth++) {
      const Reply reply = replies_.Take();
      if (KeepEvents(reply)) {
        // The request goes on.
      } else if (Settle(reply)) {
        use(reply);
      } else {
        strays_++;
      }
    }
    if (count > 0) replies_.Release();
    return count;
  }

  // Takes the replies that are there, and keeps them for AwaitReply.
  void KeepReplies() {
    TakeReplies([this](const Reply& reply) { slots_[reply.slot].reply = reply; });
  }

  // Waits for the reply to a published request. Fails a check after the deadline.
  Reply AwaitReply(uint32_t slot) {
    CHECK(Await([&] {
      KeepReplies();
      return slots_[slot].reply.has_value();
    }));
    return std::exchange(slots_[slot].reply, std::nullopt).value_or(Reply{slot, 0, INT32_MIN, 0});
  }

  // Waits for events of a stream. Returns 0 where its end came instead.
  uint32_t AwaitEvents(uint32_t slot) {
    CHECK(Await([&] {
      KeepReplies();
      return slots_[slot].events != 0 || slots_[slot].reply.has_value();
    }));
    return std::exchange(slots_[slot].events, 0);
  }
  // Those that have been taken already.
  [[nodiscard]] uint32_t events(uint32_t slot) const { return slots_[slot].events; }

  // The whole way of one request.
  Reply Ask(const TestRequest& request) {
    const uint32_t slot = Post(request);
    Publish();
    return AwaitReply(slot);
  }
  int32_t Result(const TestRequest& request) { return Ask(request).result; }

  // Sleeps as a client of JavaScript does: until the engine takes the park away. Returns false
  // after the deadline.
  bool SleepUntilNotified() {
    Park(*mailbox_.parked);
    if (replies_.HasWorkOrdered()) {
      Unpark(*mailbox_.parked);
      return true;
    }
    return Await([this] { return LoadOrdered(*mailbox_.parked) == kAwake; });
  }

 private:
  static constexpr int kNoSeat = -1;
  struct Slot {
    bool in_flight = false;
    uint32_t generation = UINT32_MAX - 5;  // wraps on the way
    std::optional<Reply> reply;
    uint32_t events = 0;
  };

  [[nodiscard]] uint32_t FreeSlot() const {
    uint32_t slot = 0;
    while (slot < slots_.size() && (slots_[slot].in_flight || slots_[slot].reply.has_value())) {
      slot++;
    }
    return slot;
  }

  uint32_t Occupy() {
    const uint32_t slot = FreeSlot();
    if (!CHECK(slot < slots_.size())) return 0;
    slots_[slot].in_flight = true;
    slots_[slot].generation++;
    slots_[slot].events = 0;
    in_flight_++;
    return slot;
  }

  void Pin(const TestRequest& request, Request* words) {
    words->region = protocol::region::kOwn;
    words->region_generation = words->generation;
    if (request.vectors.empty()) {
      auto* base = static_cast<uint8_t*>(request.base);
      CHECK(regions().Pin(words->slot, words->generation, base, words->length));
      return;
    }
    const auto count = static_cast<uint32_t>(request.vectors.size());
    iovec* room = regions().VectorRoom(words->slot, count);
    if (!CHECK(room != nullptr)) return;
    std::memcpy(room, request.vectors.data(), count * sizeof(iovec));
    regions().PinVectors(words->slot, words->generation, count);
  }

  // Returns whether it has the events of a stream. There are none to keep at the time: who has read
  // them asks for more.
  bool KeepEvents(const Reply& reply) {
    if ((reply.note & protocol::reply_note::kMore) == 0 || reply.slot >= slots_.size())
      return false;
    Slot& slot = slots_[reply.slot];
    if (!slot.in_flight || slot.generation != reply.generation) return false;
    CHECK_EQ(slot.events, 0);
    CHECK(reply.result > 0);
    slot.events = static_cast<uint32_t>(reply.result);
    return true;
  }

  // Returns whether it is the reply to a request in flight.
  bool Settle(const Reply& reply) {
    if (reply.slot >= slots_.size()) return false;
    Slot& slot = slots_[reply.slot];
    if (!slot.in_flight || slot.generation != reply.generation) return false;
    slot.in_flight = false;
    in_flight_--;
    return true;
  }

  const SharedMemory& memory_;
  Roster& roster_;
  int seat_ = kNoSeat;
  Mailbox mailbox_{};
  RingProducer<Request> requests_;
  RingConsumer<Reply> replies_;
  std::vector<Slot> slots_;
  uint32_t in_flight_ = 0;
  uint32_t strays_ = 0;
};

}  // namespace ringpost
