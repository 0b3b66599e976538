/**
 * Named access to words that two threads share. Nothing else in the project calls `Atomics` (linted), so that every
 * order is decided, and explained, here and in `native/src/shared_words.h`.
 *
 * JavaScript's atomics are all sequentially consistent; each function says which weaker order would do, and what it
 * pairs with on the C++ side.
 */

/** Publishes everything written before it. Release would do; pairs with `LoadIndex` (shared_words.h). */
export function storeIndex(words: Int32Array, at: number, index: number): void {
  Atomics.store(words, at, index);
}

/** Sees everything published before the value it reads. Acquire would do; pairs with `StoreIndex` (shared_words.h). */
export function loadIndex(words: Int32Array, at: number): number {
  return Atomics.load(words, at) >>> 0;
}

/** One half of the parked hand-off: must be sequentially consistent, see handoff.ts. */
export function storeFlag(words: Int32Array, at: number, value: number): void {
  Atomics.store(words, at, value);
}

/** One half of the parked hand-off: must be sequentially consistent, see handoff.ts. */
export function loadFlag(words: Int32Array, at: number): number {
  return Atomics.load(words, at);
}

/** Takes the value and leaves another; of several threads one alone gets the old value. */
export function exchangeFlag(words: Int32Array, at: number, value: number): number {
  return Atomics.exchange(words, at, value);
}
