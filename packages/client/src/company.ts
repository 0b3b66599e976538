/**
 * Whether other clients of the ring are busy, too: then the engine has no more time for this one than for them. Client's thread, of
 * what all of them count in the shared memory.
 */
import { readGeometry } from "@ringpost/mailbox";
import { ClientCounter } from "@ringpost/protocol";

/** How often is counted; and the clock is looked at once for so many questions. */
const WINDOW_MS = 16;
const QUESTIONS_PER_LOOK = 64;

/** Who makes so many requests and hot reads in a millisecond is busy. */
const BUSY_PER_MS = 16;

export class Company {
  readonly #counters: Float64Array;
  readonly #own: number;
  /** Of the first client's counters, and from one client's to the next: in doubles. */
  readonly #first: number;
  readonly #stride: number;
  /** Requests and hot reads of each client, when they were counted last. */
  readonly #counts: Float64Array;
  #countedMs = 0;
  #untilLook = QUESTIONS_PER_LOOK;
  #isBusy = false;

  /**
   * @param memory of the ring
   * @param own which of its clients this one is
   */
  constructor(memory: SharedArrayBuffer, own: number) {
    const { maxClients, mailboxesOffset, mailboxBytes } = readGeometry(memory);
    this.#counters = new Float64Array(memory);
    this.#own = own;
    this.#first = mailboxesOffset / Float64Array.BYTES_PER_ELEMENT;
    this.#stride = mailboxBytes / Float64Array.BYTES_PER_ELEMENT;
    this.#counts = new Float64Array(maxClients);
  }

  /** Whether another one was busy of late. */
  isBusy(): boolean {
    this.#untilLook--;
    if (this.#untilLook === 0) {
      this.#untilLook = QUESTIONS_PER_LOOK;
      const ms = Math.trunc(performance.now()) - this.#countedMs; // a fraction would be allocated
      if (ms >= WINDOW_MS) this.#count(ms);
    }
    return this.#isBusy;
  }

  #count(ms: number): void {
    this.#countedMs += ms;
    this.#isBusy = false;
    for (let client = 0; client < this.#counts.length; client++) {
      const at = this.#first + client * this.#stride;
      const count =
        this.#counters[at + ClientCounter.POSTED]! + this.#counters[at + ClientCounter.HOT_READS]!;
      const more = count - this.#counts[client]!;
      this.#counts[client] = count;
      if (client !== this.#own && more > ms * BUSY_PER_MS) this.#isBusy = true;
    }
  }
}
