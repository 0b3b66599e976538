/** Stage 9 of 9, client's thread: one pass over all replies that are there, each settling the promise of its request. */
import type { Mailbox, RingConsumer } from "@ringpost/mailbox";
import { ClientCounter, ECANCELED, Payload, ReplyNote, ReplyWord } from "@ringpost/protocol";
import { abortError, closedError } from "./node-errors.js";
import type { PendingRequest, ReplyPayload } from "./pending-request.js";
import { makeStackless } from "./rejection.js";
import type { SlotTable } from "./slot-table.js";

/** One for all requests: decoding happens within the pass. */
interface MutablePayload extends ReplyPayload {
  at: number;
}

export class ReplySettler {
  /** Replies that ended something; events of streams don't. */
  ended = 0;
  #settles = false;
  readonly #mailbox: Mailbox;
  readonly #replies: RingConsumer;
  readonly #slots: SlotTable;
  readonly #counters: Float64Array;
  readonly #payload: MutablePayload;

  /** @param counters by {@link ClientCounter}, where it says why plain writes do */
  constructor(mailbox: Mailbox, replies: RingConsumer, slots: SlotTable, counters: Float64Array) {
    this.#mailbox = mailbox;
    this.#replies = replies;
    this.#slots = slots;
    this.#counters = counters;
    this.#payload = { values: mailbox.payloadValues, at: 0 };
  }

  /** Whether {@link settleAll} is under way. What it calls may post: the next step of a whole-file read, or a subscriber. */
  get settles(): boolean {
    return this.#settles;
  }

  /** Returns how many replies there were. Should anything throw, the replies behind it stay for the next pass. */
  settleAll(): number {
    const replies = this.#replies;
    const count = replies.available();
    this.#settles = true;
    try {
      for (let nth = 0; nth < count; nth++) this.#settle(replies.take());
    } finally {
      // Before any request that reuses a slot is published: the engine takes no more than there is room for replies.
      if (count > 0) replies.release();
      this.#settles = false;
    }
    return count;
  }

  #settle(at: number): void {
    const words = this.#mailbox.words;
    const slot = words[at + ReplyWord.SLOT]!;
    const note = words[at + ReplyWord.NOTE]!;
    if ((note & ReplyNote.MORE) !== 0) {
      this.#giveEvents(at);
      return;
    }
    this.ended++;
    const request = this.#slots.complete(slot, words[at + ReplyWord.GENERATION]!);
    if (request === undefined) {
      this.#dropLate();
      return;
    }
    this.#counters[ClientCounter.SETTLED]! += 1;
    const result = words[at + ReplyWord.RESULT]!;
    if (result >= 0 && request.decode === undefined) {
      request.resolve(result);
    } else {
      this.#payload.at = slot * Payload.BYTES;
      settleRequest(request, result, note, this.#payload);
    }
    this.#slots.recycle(request);
  }

  #giveEvents(at: number): void {
    const words = this.#mailbox.words;
    const slot = words[at + ReplyWord.SLOT]!;
    const request = this.#slots.waiting(slot, words[at + ReplyWord.GENERATION]!);
    if (request?.takeEvents === undefined) {
      this.ended++;
      this.#dropLate();
      return;
    }
    request.takeEvents(words[at + ReplyWord.RESULT]!);
  }

  /** Its request no longer waits: it is of an older generation, or garbage. */
  #dropLate(): void {
    this.#counters[ClientCounter.LATE_REPLIES]! += 1;
  }
}

function failureOf(request: PendingRequest, errno: number, note: number): Error {
  // Called in any case: what the request has borrowed is given back there.
  const failure = request.fail(request, errno, note);
  if ((note & ReplyNote.STOPPING) !== 0) return closedError("engine");
  return errno === ECANCELED && request.signal?.aborted ? abortError(request.signal) : failure;
}

/** A failure, or a value that has to be made first. */
function settleRequest(
  request: PendingRequest,
  result: number,
  note: number,
  payload: ReplyPayload,
): void {
  try {
    if (result < 0) request.reject(makeStackless(() => failureOf(request, result, note)));
    else request.resolve(request.decode!(request, result, note, payload)); // a mere count is settled before
  } catch (error) {
    request.reject(error as Error); // no memory for what the reply says
  }
}
