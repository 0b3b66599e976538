// Single-producer single-consumer rings of fixed-size entries in shared memory. Indexes run freely
// over 32 bits and are masked where they are used, so tail - head is the number of entries even
// across the wrap at 2^32. The JavaScript halves are in packages/mailbox/src/mailbox-rings.ts.
#pragma once

#include <cstdint>
#include <cstring>

#include "shared_words.h"

namespace ringpost {

// Where a ring lies. The words and entries belong to the mailbox.
struct RingPlace {
  uint32_t* tail;  // written by the producer
  uint32_t* head;  // written by the consumer
  uint8_t* entries;
  uint32_t capacity;  // a power of two
};

// The writing end. One thread only.
template <typename Entry>
class RingProducer {
 public:
  RingProducer() = default;
  explicit RingProducer(const RingPlace& place)
      : place_(place), tail_(LoadIndex(*place.tail)), published_(tail_) {}

  [[nodiscard]] uint32_t capacity() const { return place_.capacity; }

  // Entries that may be written now. Stale at once, in the safe direction: the consumer only adds
  // room.
  [[nodiscard]] uint32_t Room() const { return place_.capacity - Unread(); }

  // Entries that the consumer has not released yet, the unpublished ones among them.
  [[nodiscard]] uint32_t Unread() const { return tail_ - LoadIndex(*place_.head); }

  // The caller knows that there is room. Nobody sees the entry before Publish.
  void Push(const Entry& entry) {
    std::memcpy(place_.entries + size_t{tail_ & (place_.capacity - 1)} * sizeof(Entry), &entry,
                sizeof(Entry));
    tail_++;
  }

  // Hands all pushed entries to the consumer. Returns whether there were any. Ordered: it is W1 of
  // handoff.h.
  bool Publish() {
    if (published_ == tail_) return false;
    published_ = tail_;
    StoreOrdered(*place_.tail, tail_);
    return true;
  }

  // The oldest unread entry, then the next ones: for a producer that tidies up after a consumer
  // that is gone.
  [[nodiscard]] Entry UnreadAt(uint32_t nth) const {
    Entry entry;
    const uint32_t index = LoadIndex(*place_.head) + nth;
    std::memcpy(&entry, place_.entries + size_t{index & (place_.capacity - 1)} * sizeof(Entry),
                sizeof(Entry));
    return entry;
  }

 private:
  RingPlace place_{};
  uint32_t tail_ = 0;
  uint32_t published_ = 0;
};

// The reading end. One thread only.
template <typename Entry>
class RingConsumer {
 public:
  RingConsumer() = default;
  explicit RingConsumer(const RingPlace& place) : place_(place), head_(LoadIndex(*place.head)) {}

  // Entries to read now; there may be more by the time the caller looks. A producer that writes
  // garbage into its tail makes this larger than the capacity: the caller checks.
  [[nodiscard]] uint32_t Available() const { return LoadIndex(*place_.tail) - head_; }

  // S2 of handoff.h: the same question, asked by a sleeper that has just parked.
  [[nodiscard]] bool HasWorkOrdered() const { return LoadOrdered(*place_.tail) != head_; }

  // Copies the oldest entry out, so that a producer that changes it afterwards changes nothing.
  [[nodiscard]] Entry Take() {
    Entry entry;
    std::memcpy(&entry, place_.entries + size_t{head_ & (place_.capacity - 1)} * sizeof(Entry),
                sizeof(Entry));
    head_++;
    return entry;
  }

  // Gives all taken entries back to the producer.
  void Release() { StoreIndex(*place_.head, head_); }

 private:
  RingPlace place_{};
  uint32_t head_ = 0;
};

}  // namespace ringpost
