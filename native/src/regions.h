// The memory of one client that the engine may touch. JavaScript names a region by number and
// generation; the address behind it is known to native code alone (rule 1: no pointer crosses
// shared memory).
//
// A request's own region is pinned by the client's thread just before the request is published, and
// spent by the engine when it replies, so it is valid exactly while the client keeps the buffer
// alive. Slabs stay until their client closes.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "protocol.h"

namespace ringpost {

// No registered buffer of the ring backs this memory.
inline constexpr uint16_t kNotRegistered = 0xffff;

struct Span {
  uint8_t* base = nullptr;
  uint32_t length = 0;
  uint16_t registered_index = kNotRegistered;
};

struct Vectors {
  const iovec* list = nullptr;
  uint32_t count = 0;
};

class RegionTable {
 public:
  explicit RegionTable(uint32_t slot_count)
      : slot_count_(slot_count), own_(std::make_unique<OwnRegion[]>(slot_count)) {}

  // --- The client's thread, before the request is published ---

  // Returns false where there is no such slot.
  bool Pin(uint32_t slot, uint32_t generation, uint8_t* base, uint32_t length) {
    if (slot >= slot_count_) return false;
    OwnRegion& own = own_[slot];
    own.base = base;
    own.length = length;
    own.vector_count = 0;
    own.generation.store(Valid(generation),
                         std::memory_order_release);  // pairs with FindOwn, FindVectors
    return true;
  }

  // Room for the buffers of a readv or writev, for the caller to fill before PinVectors. Grows to
  // the most that the slot ever needed. Returns nullptr where there is no such slot or memory.
  iovec* VectorRoom(uint32_t slot, uint32_t count) {
    if (slot >= slot_count_ || count > protocol::kMaxVectors) return nullptr;
    OwnRegion& own = own_[slot];
    if (own.vector_capacity < count) {
      own.vectors.reset(new (std::nothrow) iovec[count]);
      own.vector_capacity = own.vectors == nullptr ? 0 : count;
    }
    return own.vectors.get();
  }

  void PinVectors(uint32_t slot, uint32_t generation, uint32_t count) {
    OwnRegion& own = own_[slot];
    own.base = nullptr;
    own.length = 0;
    own.vector_count = count;
    own.generation.store(Valid(generation),
                         std::memory_order_release);  // pairs with FindOwn, FindVectors
  }

  // Returns false where there is no such slab.
  bool PinSlab(uint32_t index, uint32_t generation, uint8_t* base, uint32_t length);

  // The slab is about to be registered.
  void MakePages(uint32_t index);

  // --- The engine's thread ---

  // Returns 0, or -EFAULT where the part named is not pinned for this very request. Touches
  // nothing.
  [[nodiscard]] int FindOwn(uint32_t slot, uint32_t generation, uint32_t offset, uint32_t length,
                            Span* out) const;
  [[nodiscard]] int FindVectors(uint32_t slot, uint32_t generation, uint32_t count,
                                Vectors* out) const;
  [[nodiscard]] int FindSlab(uint32_t index, uint32_t generation, uint32_t offset, uint32_t length,
                             Span* out) const;

  // The request has its reply: its region is no longer ours. Relaxed: this thread alone looks,
  // until the client pins the slot anew, and that comes after the reply.
  void Spend(uint32_t slot) { own_[slot].generation.store(kSpent, std::memory_order_relaxed); }

  void SetRegistered(uint32_t index, uint16_t registered_index) {
    slabs_[index].registered_index = registered_index;
  }
  [[nodiscard]] bool IsRegistered(uint32_t index) const {
    return slabs_[index].registered_index != kNotRegistered;
  }

  // Forgets everything; the client is gone.
  void Clear();

 private:
  // A generation is stored beside a bit of its own, so that no 32-bit value of a request equals
  // "spent".
  static constexpr uint64_t kSpent = 0;
  static constexpr uint64_t Valid(uint32_t generation) { return uint64_t{1} << 32 | generation; }

  struct OwnRegion {
    std::atomic<uint64_t> generation = kSpent;
    uint8_t* base = nullptr;
    uint32_t length = 0;
    uint32_t vector_count = 0;
    std::unique_ptr<iovec[]> vectors;
    uint32_t vector_capacity = 0;
  };
  struct Slab {
    std::atomic<uint64_t> generation = kSpent;
    uint8_t* base = nullptr;
    uint32_t length = 0;
    uint16_t registered_index = kNotRegistered;  // the engine thread's
  };

  uint32_t slot_count_;
  std::unique_ptr<OwnRegion[]> own_;
  Slab slabs_[protocol::kMaxSlabs];
};

}  // namespace ringpost
