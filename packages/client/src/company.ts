/**
 * Whether other clients of the ring are busy, too: then the engine has no more time for this one than for them. Client's thread, of
 * what all of them count in the shared memory.
 */
import { type Mailbox, readGeometry } from "@ringpost/mailbox";
import { ClientCounter, EngineCounter } from "@ringpost/protocol";
import { performance } from "./real-timers.js";

/** How often is counted; and the clock is looked at once for so many questions. */
const WINDOW_MS = 16;
const QUESTIONS_PER_LOOK = 64;

/** Who makes so many requests and hot reads in a millisecond is busy. */
const BUSY_PER_MS = 16;

export class Company {
  readonly #own: number;
  readonly #ofEngine: BigUint64Array;
  readonly #counters: Float64Array;
  /** Of the first client's counters, and from one client's to the next: in doubles. */
  readonly #first: number;
  readonly #stride: number;
  /** Requests and hot reads of each client, when they were counted last. */
  readonly #counts: Float64Array;
  #countedMs: number;
  #untilLook = QUESTIONS_PER_LOOK;
  #isBusy = false;

  /** @param mailbox of the client that asks */
  constructor({ words, index }: Mailbox) {
    const memory = words.buffer as SharedArrayBuffer; // which a mailbox is made of
    const { maxClients, mailboxesOffset, mailboxBytes } = readGeometry(memory);
    this.#own = index;
    this.#ofEngine = new BigUint64Array(memory, 0, EngineCounter.CLIENTS_OPENED + 1);
    this.#counters = new Float64Array(memory);
    this.#first = mailboxesOffset / Float64Array.BYTES_PER_ELEMENT;
    this.#stride = mailboxBytes / Float64Array.BYTES_PER_ELEMENT;
    this.#counts = new Float64Array(maxClients);
    this.#countedMs = Math.trunc(performance.now()); // a fraction would be allocated
    this.#count(Number.POSITIVE_INFINITY); // from here on
  }

  /** Whether another one was busy of late. */
  isBusy(): boolean {
    this.#untilLook--;
    if (this.#untilLook === 0) {
      this.#untilLook = QUESTIONS_PER_LOOK;
      const ms = Math.trunc(performance.now()) - this.#countedMs;
      if (ms >= WINDOW_MS) {
        this.#countedMs += ms;
        this.#count(ms);
      }
    }
    return this.#isBusy;
  }

  #count(ms: number): void {
    this.#isBusy = false;
    // The lowest seat that is free is taken first: a mailbox that was never used isn't touched.
    const opened = Number(this.#ofEngine[EngineCounter.CLIENTS_OPENED]);
    const clients = Math.min(this.#counts.length, opened);
    for (let client = 0; client < clients; client++) {
      const at = this.#first + client * this.#stride;
      const count =
        this.#counters[at + ClientCounter.POSTED]! + this.#counters[at + ClientCounter.HOT_READS]!;
      const more = count - this.#counts[client]!;
      this.#counts[client] = count;
      if (client !== this.#own && more > ms * BUSY_PER_MS) this.#isBusy = true;
    }
  }
}
