/**
 * The io_uring backend of a client: posts requests into the mailbox (stages 1 and 2), waits for the engine's notify, and settles
 * the replies (stage 9). All on the client's thread.
 *
 * Requests are encoded as they come. An awake engine gets each at once; one that sleeps gets them together, when the microtasks of
 * this turn of the event loop are done (process.nextTick). Replies that are there by then are settled at once; where they are due
 * soon, the client looks again from its event loop (reply-watch.ts). Only then does it park, and the engine has to notify it.
 * A turn, in the names below, is one of the event loop.
 */
import {
  isParked,
  type Mailbox,
  park,
  RingConsumer,
  RingProducer,
  unpark,
} from "@ringpost/mailbox";
import type { NativeClient } from "@ringpost/native";
import { ClientCounter, type Operation } from "@ringpost/protocol";
import { Admission, type BackendState } from "./admission.js";
import type { Backend } from "./backend.js";
import { CancelEntries } from "./cancel-entries.js";
import { encodeRequest } from "./encode-request.js";
import { Grace } from "./grace.js";
import { HotReads } from "./hot-reads.js";
import { closedError } from "./node-errors.js";
import type { PendingRequest } from "./pending-request.js";
import { offsetInRegion, pinMemory } from "./pin-memory.js";
import { BatchPublisher } from "./publish-batch.js";
import { nextTick, queueMicrotask, setImmediate } from "./real-timers.js";
import { ReplyWatch } from "./reply-watch.js";
import { SendOff, SubmitMode } from "./send-off.js";
import { ReplySettler } from "./settle-replies.js";
import { SignalWatch } from "./signal-watch.js";
import { type Lease, registerSlab, Slabs } from "./slabs.js";
import { SlotTable } from "./slot-table.js";
import { WaitingLine } from "./waiting-line.js";

/** Replies that are settled in one turn of the event loop, before timers and other I/O get theirs: a fraction of a millisecond. */
const REPLIES_PER_TURN = 128;

/** Steps of chains that leave together, before the event loop's turn ends: enough for the engine while the client makes the next ones. */
const STEPS_PER_BATCH = 24;

export class RingBackend implements Backend {
  readonly name = "io_uring";
  readonly client: number;
  readonly #native: NativeClient;
  readonly #mailbox: Mailbox;
  readonly #requests: RingProducer;
  readonly #publisher: BatchPublisher;
  readonly #replies: RingConsumer;
  readonly #slabs: Slabs;
  readonly #slots: SlotTable;
  readonly #settler: ReplySettler;
  readonly #admission: Admission;
  readonly #cancels: CancelEntries;
  readonly #signals = new SignalWatch((request) => this.cancel(request));
  readonly #watch: ReplyWatch;
  readonly #sendOff: SendOff;
  readonly #hotReads: HotReads;
  readonly #grace = new Grace();
  readonly #counters: Float64Array;

  #state: BackendState = "open";
  #closed: Promise<void> | undefined;
  /** Posted since the last publish. */
  #unpublished = 0;
  #turnScheduled = false;
  #settledThisTurn = 0;
  /** Parked: the engine's next reply calls {@link wake}. */
  #asleep = false;
  #keptAlive = false;

  readonly #onTurn = (): void => this.#turn();
  readonly #onSettled = (): void => this.#scheduleTurn();

  /**
   * @param submitMode {@link SubmitMode}, or a threshold
   * @param credits slots that this client may use
   * @param hotReads whether it reads cached data by itself
   * @param firstClient of the mailboxes of this ring, as they are numbered through over all of an engine's
   */
  constructor(
    native: NativeClient,
    mailbox: Mailbox,
    queueLimit: number,
    submitMode: number = SubmitMode.AUTO,
    credits: number = mailbox.slotCount,
    firstClient: number = 0,
    hotReads = false,
  ) {
    this.#sendOff = new SendOff(submitMode, () => this.#scheduleTurn());
    this.client = firstClient + mailbox.index;
    this.#native = native;
    this.#mailbox = mailbox;
    this.#watch = new ReplyWatch(mailbox.words);
    this.#requests = new RingProducer(mailbox.words, mailbox.requests);
    this.#replies = new RingConsumer(mailbox.words, mailbox.replies);
    this.#slabs = new Slabs(native, (slab, bytes) => {
      // The request whose buffer this is may be about to take the last slot. Not registered, the slab is plain memory, and works.
      if (this.#slots.freeCount >= 2) registerSlab(this, native, slab, bytes);
    });
    this.#slots = new SlotTable(credits, this.#slabs, this.#signals);
    this.#cancels = new CancelEntries(
      mailbox,
      this.#requests,
      this.#slots,
      () => this.#unpublished,
    );
    this.#counters = new Float64Array(mailbox.words.buffer, mailbox.firstWord * 4);
    const line = new WaitingLine(queueLimit, this.#counters.subarray(ClientCounter.WAITING));
    const readsHot = hotReads && this.#sendOff.isAuto;
    this.#hotReads = new HotReads(native, mailbox, this.#slots, line, this.#counters, readsHot);
    this.#settler = new ReplySettler(mailbox, this.#replies, this.#slots, this.#counters);
    this.#publisher = new BatchPublisher(this.#requests, mailbox, native, this.#counters);
    const moveUp = (): void => {
      if (this.#placeWaiting()) this.#scheduleTurn();
    };
    const closing = (fd: number): void => {
      this.#cancels.addClosing(fd);
      this.#scheduleCancels();
    };
    this.#admission = new Admission(line, this.#slots, this.#slabs, this.#signals, moveUp, closing);
  }

  begin(operation: Operation): PendingRequest {
    const request = this.#slots.acquire();
    request.opcode = operation.opcode;
    request.syscall = operation.syscall;
    request.kernel = operation.kernel;
    return request;
  }

  post(request: PendingRequest): void {
    if (this.#hotReads.serves(request)) return;
    this.#scheduleTurn(); // of one that waits, too: what goes on with something begun sends all that has a slot
    request.postedAfter = this.#sendOff.submits;
    if (request.goesOn) this.#sendOff.hurry();
    if (!this.#admission.admits(request, this.#state)) return;
    this.#place(request);
    this.#publishToAwake();
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get longestChain(): number {
    return this.#slots.count;
  }

  postChain(steps: readonly PendingRequest[]): void {
    this.#scheduleTurn(); // of one that waits, too: what was posted before it leaves, whatever the threshold
    for (const step of steps) step.postedAfter = this.#sendOff.submits;
    if (!this.#admission.admitsChain(steps, this.#state)) return;
    for (const step of steps) this.#place(step);
    if (this.#unpublished >= STEPS_PER_BATCH && this.#sendOff.isAuto) this.#publish();
    else this.#publishToAwake();
  }

  /** Its signal has been aborted, or a stream is to end. */
  cancel(request: PendingRequest): void {
    if (request.slot < 0) this.#admission.abort(request);
    else this.#cancels.addRequest(request.slot);
    this.#scheduleCancels();
  }

  askForEvents(request: PendingRequest): void {
    this.#cancels.addEvents(request.slot);
    this.#scheduleCancels();
  }

  cancelDescriptor(fd: number): void {
    if (this.#state === "closed") throw closedError("client");
    this.#admission.cancelDescriptor(fd);
    this.#cancels.addDescriptor(fd);
    this.#scheduleCancels();
  }

  cancelAll(): void {
    if (this.#state === "closed") throw closedError("client");
    this.#admission.cancelAll();
    this.#cancels.addAll();
    this.#scheduleCancels();
  }

  /** What was cancelled just now leaves with the next batch. */
  #scheduleCancels(): void {
    if (this.#cancels.hasLate) this.#turnSoon();
    else this.#scheduleTurn();
  }

  submit(): void {
    this.#sendOff.submitted();
    if (this.#unpublished > 0) this.#publish();
    this.#placeWaiting(); // what was held back
    this.#scheduleTurn();
  }

  /** It begins while this turn of the event loop goes on posting. One that sleeps is woken at its end, once for all that was posted. */
  #publishToAwake(): void {
    const { words, engineParkedWord } = this.#mailbox;
    if (this.#sendOff.isAuto && !isParked(words, engineParkedWord)) this.#publish();
  }

  #publish(): void {
    if (this.#settler.settles) {
      // Their places in the reply ring are given back first; the tick that follows publishes.
      this.#sendOff.hurry();
      return;
    }
    this.#sendOff.left();
    this.#publisher.publish(this.#unpublished, this.#cancels.takeUnpublished());
    this.#unpublished = 0;
  }

  drain(): Promise<void> {
    return this.#admission.drain();
  }

  lease(bytes: number): Lease {
    if (this.#state === "closed") throw closedError("client");
    return this.#slabs.lend(bytes);
  }

  /** Stage 1: the request gets its slot, its memory is pinned, its entry written. */
  #place(request: PendingRequest): void {
    if (request.prepare !== undefined) {
      try {
        request.prepare(request);
      } catch (error) {
        this.#slots.refuse(request, error as Error); // no memory
        return;
      }
      this.#slabs.use(request);
    }
    const slot = this.#slots.occupy(request);
    const generation = this.#slots.generation(slot);
    const region = pinMemory(this.#native, request, slot, generation);
    const offset = offsetInRegion(request);
    const at = this.#requests.reserve();
    encodeRequest(this.#mailbox, at, request, slot, generation, region, offset);
    this.#unpublished++;
    this.#sendOff.watch(request);
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled || this.#settler.settles) return; // settling is followed by one
    this.#turnScheduled = true;
    nextTick(this.#onTurn);
  }

  /** The end of a turn of the event loop: out with the requests, in with the replies, then to sleep. */
  #turn(): void {
    this.#turnScheduled = false;
    if (this.#cancels.hasLate) {
      this.#cancels.retryLate((fd) => this.#admission.isToClose(fd));
      this.#scheduleCancels();
    }
    const { waiting } = this.#admission;
    const isDue = this.#sendOff.isDue(this.#unpublished, this.#slots.freeCount, waiting);
    if (isDue || this.#cancels.areDue) {
      this.#publish();
      this.#placeWaiting(); // what was held back
      if (this.#sendOff.hurries) this.#scheduleTurn();
    }
    if (this.#asleep || this.#slots.inFlight === 0) {
      // The wait from before is still good for what was posted just now; or there is nothing to wait for.
    } else if (this.#replies.available() > 0) {
      this.#settleInTurn();
    } else if (this.#watch.looksOn()) {
      if (this.#watch.sees(this.#replies)) this.#settleInTurn();
      else this.#turnSoon();
    } else {
      this.#sleep();
    }
    this.#keepAliveWhileBusy();
  }

  /** Replies came in before the client could park. After so many, what else the event loop has comes first. */
  #settleInTurn(): void {
    if (this.#settledThisTurn < REPLIES_PER_TURN) this.#settle();
    else this.#turnSoon();
  }

  /** Once more, after timers and other I/O. */
  #turnSoon(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#settledThisTurn = 0;
    setImmediate(this.#onTurn);
  }

  #sleep(): void {
    const { words, parkedWord } = this.#mailbox;
    park(words, parkedWord);
    if (this.#replies.available() > 0) {
      unpark(words, parkedWord);
      this.#settleInTurn();
    } else {
      this.#settledThisTurn = 0;
      this.#asleep = true;
    }
  }

  /** Stage 9, from the engine's notify (stage 8): in this thread's event loop. */
  wake(orphaned: boolean): void {
    if (orphaned) {
      this.#orphan();
      return;
    }
    // One that came while this client found its replies by itself; the park is still there, or there is none.
    const { words, parkedWord } = this.#mailbox;
    if (!this.#asleep || isParked(words, parkedWord)) return;
    this.#asleep = false;
    this.#counters[ClientCounter.WAKEUPS]!++;
    this.#settle();
  }

  /** What waits for the replies posts before the next tick: that comes before microtasks, but after them where a microtask asks for it. */
  #settle(): void {
    queueMicrotask(this.#onSettled); // before settling, as that may throw
    try {
      const taken = this.#settler.settleAll();
      if (taken === 0) return;
      this.#watch.replied();
      this.#settledThisTurn += taken;
    } finally {
      this.#placeWaiting();
    }
  }

  /** Returns whether there was anything to place. */
  #placeWaiting(): boolean {
    if (this.#admission.waiting === 0) return false;
    const isHeldBack = (first: PendingRequest): boolean => this.#sendOff.holdsBack(first);
    this.#admission.placeWaiting(isHeldBack, (request) => {
      this.#place(request);
      this.#sendOff.placedWaiting(request);
    });
    return true;
  }

  /** A pending wait doesn't keep a process alive; requests in flight must. */
  #keepAliveWhileBusy(): void {
    // What hasn't left keeps nothing alive: it may never leave.
    const busy = this.#slots.inFlight > this.#unpublished;
    if (!busy) this.#grace.end();
    if (busy !== this.#keptAlive) this.#native.keepAlive(busy);
    this.#keptAlive = busy;
  }

  /** The shortest grace counts where there are several. */
  close(graceMs: number): Promise<void> {
    this.#grace.shortenTo(graceMs);
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closing";
    this.#sendOff.end();
    this.#hotReads.end();
    this.#placeWaiting(); // what was held back
    this.#scheduleTurn();
    await this.#grace.letFinish(this.#slots, this.#settler, () => {
      this.#admission.cancelAll();
      this.#native.cancelAll();
    });
    if (this.#state !== "closing") return;
    this.#shut();
    this.#native.close();
  }

  /** Nothing is sent any more: the mailbox will be another client's. */
  #shut(): void {
    this.#state = "closed";
    this.#hotReads.end();
    this.#unpublished = 0;
    this.#cancels.drop();
  }

  /** The engine is gone, or serves this client no more (native/src/roster.h). Replies that it left are settled first. */
  #orphan(): void {
    if (this.#state === "closed") return;
    this.#asleep = false;
    this.#settle();
    this.#shut();
    const error = closedError("engine");
    for (const request of this.#slots.evict()) this.#slots.refuse(request, error);
    this.#admission.refuseWaiting(error);
    this.#keepAliveWhileBusy();
    this.#native.close();
  }
}
