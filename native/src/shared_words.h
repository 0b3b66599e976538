// Named access to words that two threads share: the client's thread through JavaScript's Atomics
// (packages/mailbox/src/shared-words.ts), this side through these functions. No other file touches
// an atomic word of the mailbox.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringpost {

static_assert(std::atomic_ref<uint32_t>::is_always_lock_free);
static_assert(std::atomic_ref<uint64_t>::is_always_lock_free);

// Pairs with shared-words.ts:storeIndex; makes visible the entries written before the index was
// published.
inline uint32_t LoadIndex(uint32_t& word) {
  return std::atomic_ref(word).load(std::memory_order_acquire);
}

// Pairs with shared-words.ts:loadIndex; makes the entries before the index visible to the other
// side.
inline void StoreIndex(uint32_t& word, uint32_t index) {
  std::atomic_ref(word).store(index, std::memory_order_release);
}

// A producer's publish (W1), the sleeper's second look (S2) and the parked flags: sequentially
// consistent, as handoff.h explains. Pairs with shared-words.ts:storeIndex (a tail) and with
// shared-words.ts:storeFlag, exchangeFlag (a parked word).
inline uint32_t LoadOrdered(uint32_t& word) {
  return std::atomic_ref(word).load(std::memory_order_seq_cst);
}

// Pairs with shared-words.ts:loadFlag, exchangeFlag (a parked word, WAIT_MODE) and loadIndex (a
// tail).
inline void StoreOrdered(uint32_t& word, uint32_t value) {
  std::atomic_ref(word).store(value, std::memory_order_seq_cst);
}

// Pairs with shared-words.ts:storeFlag.
inline uint32_t ExchangeOrdered(uint32_t& word, uint32_t value) {
  return std::atomic_ref(word).exchange(value, std::memory_order_seq_cst);
}

// A counter that one thread writes and others read for statistics. Relaxed: a reader may see it
// late, never torn, and learns nothing from it about other memory.
inline void Count(uint64_t& counter, uint64_t more = 1) {
  std::atomic_ref ref(counter);
  ref.store(ref.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace ringpost
