/** Stage 9 of 9, client's thread: one pass over all replies that are there, each settling the promise of its request. */
import type { Mailbox, RingConsumer } from "@ringpost/mailbox";
import { Payload, ReplyNote, ReplyWord } from "@ringpost/protocol";
import { abortError } from "./node-errors.js";
import type { PendingRequest, ReplyPayload } from "./pending-request.js";
import type { SlotTable } from "./slot-table.js";

/** One for all requests: decoding happens within the pass. */
interface MutablePayload extends ReplyPayload {
  at: number;
}

export class ReplySettler {
  /** Replies whose request was no longer waiting: of an older generation, or garbage. Dropped. */
  lateReplies = 0;
  /** Replies that settled nothing: events of streams. */
  eventReplies = 0;
  readonly #mailbox: Mailbox;
  readonly #replies: RingConsumer;
  readonly #slots: SlotTable;
  readonly #payload: MutablePayload;

  constructor(mailbox: Mailbox, replies: RingConsumer, slots: SlotTable) {
    this.#mailbox = mailbox;
    this.#replies = replies;
    this.#slots = slots;
    this.#payload = { values: mailbox.payloadValues, at: 0 };
  }

  /** Returns how many replies there were. */
  settleAll(): number {
    const replies = this.#replies;
    const count = replies.available();
    for (let nth = 0; nth < count; nth++) this.#settle(replies.take());
    // Before any request reuses a slot: the engine takes no more requests than there is room for replies.
    if (count > 0) replies.release();
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
    const request = this.#slots.complete(slot, words[at + ReplyWord.GENERATION]!);
    if (request === undefined) {
      this.lateReplies++;
      return;
    }
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
      this.lateReplies++;
      return;
    }
    this.eventReplies++;
    request.takeEvents(words[at + ReplyWord.RESULT]!);
  }
}

const ECANCELED = -125;

function failureOf(request: PendingRequest, errno: number, note: number): Error {
  const failure = request.fail(request, errno, note);
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
    if (result < 0) request.reject(failureOf(request, result, note));
    else
      request.resolve(
        request.decode === undefined ? result : request.decode(request, result, note, payload),
      );
  } catch (error) {
    request.reject(error as Error); // no memory for what the reply says
  }
}
