/** A ring by itself, on a shared buffer of its own. */

import type { RingPlace } from "@ringpost/mailbox";
import { LINE_BYTES } from "@ringpost/protocol";

const LINE_WORDS = LINE_BYTES / 4;
/** Words before the first entry and behind the last, which nobody may touch. */
const FENCE_WORDS = 8;
const CANARY = 0x5a5a_5a5a;

export interface RingMemory {
  readonly words: Int32Array;
  readonly place: RingPlace;
}

/** @param initialIndex where both indexes start */
export function makeRing(capacity: number, entryWords: number, initialIndex = 0): RingMemory {
  const firstWord = 2 * LINE_WORDS + FENCE_WORDS;
  const total = firstWord + capacity * entryWords + FENCE_WORDS;
  const words = new Int32Array(new SharedArrayBuffer(total * 4)).fill(CANARY);
  words.fill(0, firstWord, firstWord + capacity * entryWords);
  words[0] = initialIndex;
  words[LINE_WORDS] = initialIndex;
  return { words, place: { tailWord: 0, headWord: LINE_WORDS, firstWord, entryWords, capacity } };
}

/** Whether everything but the indexes and the entries is as it was made. */
export function isAroundIntact({ words, place }: RingMemory): boolean {
  const { firstWord, capacity, entryWords } = place;
  return words.every(
    (word, at) =>
      at === place.tailWord ||
      at === place.headWord ||
      (at >= firstWord && at < firstWord + capacity * entryWords) ||
      word === CANARY,
  );
}
