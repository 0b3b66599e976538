/**
 * Single-producer single-consumer rings of fixed-size entries in shared memory. Indexes run freely over 32 bits and are
 * masked where they are used, so `tail - head` is the number of entries even across the wrap at 2³².
 * The C++ halves are in `native/src/mailbox_rings.h`.
 */
import { loadIndex, storeIndex } from "./shared-words.js";

/** Where a ring lies: all are u32 indexes into the same view of the buffer. */
export interface RingPlace {
  /** Word that the producer writes. */
  readonly tailWord: number;
  /** Word that the consumer writes. */
  readonly headWord: number;
  /** First word of the first entry. */
  readonly firstWord: number;
  readonly entryWords: number;
  /** Entries; a power of two. */
  readonly capacity: number;
}

/** The writing end. One thread only. */
export class RingProducer {
  readonly #words: Int32Array;
  readonly #place: RingPlace;
  readonly #mask: number;
  #tail: number;

  constructor(words: Int32Array, place: RingPlace) {
    this.#words = words;
    this.#place = place;
    this.#mask = place.capacity - 1;
    this.#tail = loadIndex(words, place.tailWord);
  }

  /** Entries that can be reserved now. Stale at once, in the safe direction: the consumer only adds room. */
  room(): number {
    return (
      this.#place.capacity - ((this.#tail - loadIndex(this.#words, this.#place.headWord)) >>> 0)
    );
  }

  /**
   * Takes the next entry to write; nobody sees it before {@link publish}. The caller knows that there is room.
   * @returns the word at which the entry begins
   */
  reserve(): number {
    const place = this.#place;
    const at = place.firstWord + (this.#tail & this.#mask) * place.entryWords;
    this.#tail = (this.#tail + 1) >>> 0;
    return at;
  }

  /** Hands all reserved entries to the consumer. */
  publish(): void {
    storeIndex(this.#words, this.#place.tailWord, this.#tail);
  }
}

/** The reading end. One thread only. */
export class RingConsumer {
  readonly #words: Int32Array;
  readonly #place: RingPlace;
  readonly #mask: number;
  #head: number;

  constructor(words: Int32Array, place: RingPlace) {
    this.#words = words;
    this.#place = place;
    this.#mask = place.capacity - 1;
    this.#head = loadIndex(words, place.headWord);
  }

  /** Entries to read now; there may be more by the time the caller looks. */
  available(): number {
    return (loadIndex(this.#words, this.#place.tailWord) - this.#head) >>> 0;
  }

  /**
   * Takes the oldest entry; it stays readable until {@link release}. The caller knows that there is one.
   * @returns the word at which the entry begins
   */
  take(): number {
    const place = this.#place;
    const at = place.firstWord + (this.#head & this.#mask) * place.entryWords;
    this.#head = (this.#head + 1) >>> 0;
    return at;
  }

  /** Gives all taken entries back to the producer. */
  release(): void {
    storeIndex(this.#words, this.#place.headWord, this.#head);
  }
}
