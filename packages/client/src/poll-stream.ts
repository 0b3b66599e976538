import { operations } from "@ringpost/protocol";
import type { Backend } from "./backend.js";
import type { Control } from "./options.js";
import type { PendingRequest } from "./pending-request.js";
import { afterRejection, rejectTracing } from "./rejection.js";
import { isListenedTo, publishRequest } from "./request-events.js";

/** POLLERR, POLLHUP and POLLNVAL: they stay, and no other event can be waited for beside them. */
const LAST_EVENTS = 0x8 | 0x10 | 0x20;

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

type Result = IteratorResult<number, undefined>;

/** Resolves the promise of who has called `next`, or waits for the end. */
type Taker = (result: Result | Promise<Result>) => void;

/**
 * The events of a descriptor, as they come: one request, which begins with the first `next` and goes on until it is cancelled. The
 * engine sends events only when they are asked for, and keeps together what comes meanwhile (native/src/poll_streams.cc); so they are
 * asked for when there is somebody to take them, and nothing piles up here either.
 */
export class PollStream implements AsyncIterableIterator<number, undefined>, AsyncDisposable {
  readonly #backend: Backend;
  readonly #fd: number;
  readonly #events: number;
  readonly #control: Control | undefined;
  #state: "new" | "open" | "ending" | "over" = "new";
  /** While it is open or ending: the record is another request's afterwards. */
  #request: PendingRequest | undefined;
  /** While the stream is open, the engine has been asked exactly if there are some. */
  #takers: Taker[] = [];
  /** Why it is over, until somebody has been told. */
  #failure: Error | undefined;

  /** @internal Use `client.pollEvents`. */
  constructor(backend: Backend, fd: number, events: number, control: Control | undefined) {
    this.#backend = backend;
    this.#fd = fd;
    this.#events = events;
    this.#control = control;
  }

  /** The events since the last call: resolves when there are some. Several calls at a time get theirs in order. */
  next(): Promise<IteratorResult<number, undefined>> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      if (this.#takers.length === 1) this.#ask();
    });
  }

  /** Ends the stream. Resolves when the kernel has let go of the descriptor. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#failure = undefined;
    return new Promise((resolve) => {
      this.#takers.push(() => resolve(DONE));
      if (this.#state === "open") this.#cancel();
      else if (this.#state !== "ending") this.#tellThatOver();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #ask(): void {
    if (this.#state === "new") this.#begin();
    else if (this.#request === undefined) this.#tellThatOver();
    else if (this.#state === "open") this.#backend.askForEvents(this.#request);
  }

  #begin(): void {
    const request = this.#backend.begin(operations.pollEvents);
    request.fd = this.#fd;
    request.flags = this.#events;
    request.signal = this.#control?.signal;
    request.deadline = this.#control?.deadline;
    request.takeEvents = (came) => this.#take(came);
    // Not a promise's: the record is another request's by the time that a promise would tell.
    request.reject = (error) => this.#end(error);
    this.#state = "open";
    this.#request = request;
    this.#post(request);
  }

  /** A subscriber who ends the stream does so before there is anything to cancel. */
  #post(request: PendingRequest): void {
    if (isListenedTo()) publishRequest(request, this.#backend.client);
    this.#backend.post(request);
    if (this.#state === "ending" && this.#request === request) this.#backend.cancel(request);
  }

  #cancel(): void {
    this.#state = "ending";
    this.#backend.cancel(this.#request!); // there is one while it is open
  }

  /** Events have come from the engine, which sends no more before it is asked again. */
  #take(events: number): void {
    if (this.#state !== "open") return;
    this.#takers.shift()?.({ done: false, value: events });
    if ((events & LAST_EVENTS) !== 0) this.#cancel();
    else if (this.#takers.length > 0) this.#ask();
  }

  /** The request is settled: a stream's always fails. */
  #end(error: Error): void {
    if (this.#state !== "ending") this.#failure = error;
    this.#request = undefined;
    this.#tellThatOver();
  }

  #tellThatOver(): void {
    this.#state = "over";
    let isFailing = false;
    for (const tell of this.#takers.splice(0)) {
      if (this.#failure !== undefined) {
        rejectTracing(tell, this.#failure);
        this.#failure = undefined;
        isFailing = true;
      } else if (isFailing) {
        afterRejection(() => tell(DONE));
      } else {
        tell(DONE);
      }
    }
  }
}
