// Sleep and wake between two threads, without a lost wake-up. The JavaScript half is
// packages/mailbox/src/handoff.ts.
//
// A sleeper and a waker share one parked word beside the ring that the waker publishes to:
//
//   sleeper                                   waker
//   S1 Park: parked = kParked                 W1 publish: tail = new tail
//   S2 look at the tail again                 W2 ClaimWake: parked == kParked ?
//      work there -> Unpark, go on               and exchange(parked, kAwake) == kParked -> wake
//      the sleeper
//   S3 sleep
//
// S1, S2, W1 and both halves of W2 are sequentially consistent, so there is one order of them all,
// and in every one somebody acts:
//
//   S1 before W2   The waker sees kParked and wakes. A sleeper that is not asleep yet won't fall
//                  asleep: the doorbell stays readable (the engine), or a call waits in its event
//                  loop (a client: event_loop_waker.h).
//   W2 before S1   Then W1 before S2, and the sleeper sees the new tail.
//
// Release and acquire alone allow S2 and W2 both to read the old value (store buffering): the lost
// wake-up. The engine is the sleeper of its own parked word (the waker is handoff.ts:claimWake),
// and the waker of every client's.
#pragma once

#include "shared_words.h"

namespace ringpost {

inline constexpr uint32_t kAwake = 0;
inline constexpr uint32_t kParked = 1;

// S1. After it, look for work once more with LoadOrdered, and only then sleep.
inline void Park(uint32_t& parked) { StoreOrdered(parked, kParked); }

inline void Unpark(uint32_t& parked) { StoreOrdered(parked, kAwake); }

// W2, after the publish. True: the sleeper is this caller's to wake.
inline bool ClaimWake(uint32_t& parked) {
  return LoadOrdered(parked) == kParked && ExchangeOrdered(parked, kAwake) == kParked;
}

}  // namespace ringpost
