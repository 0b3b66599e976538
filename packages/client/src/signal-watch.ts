/** Which requests each AbortSignal is to cancel: one listener per signal, however many requests have it. */
import type { PendingRequest } from "./pending-request.js";
import { nextTick } from "./real-timers.js";

interface Watched {
  readonly requests: Set<PendingRequest>;
  readonly onAbort: () => void;
}

export class SignalWatch {
  readonly #cancel: (request: PendingRequest) => void;
  readonly #watched = new Map<AbortSignal, Watched>();

  /** @param cancel is called once for each watched request, in their order, when its signal is aborted */
  constructor(cancel: (request: PendingRequest) => void) {
    this.#cancel = cancel;
  }

  /** Throws what the signal throws; then it is as if it had never been called. */
  add(signal: AbortSignal, request: PendingRequest): void {
    let watched = this.#watched.get(signal);
    if (watched === undefined) {
      const requests = new Set<PendingRequest>();
      watched = { requests, onAbort: () => this.#cancelAll(requests) };
      signal.addEventListener("abort", watched.onAbort);
      this.#watched.set(signal, watched);
    }
    watched.requests.add(request);
  }

  /** A request that is cancelled may be settled at once, and others with it: they leave the set, and their records may be others' by then. */
  #cancelAll(requests: ReadonlySet<PendingRequest>): void {
    for (const request of [...requests]) if (requests.has(request)) this.#cancel(request);
  }

  /** The request is settled. What its signal throws is told as uncaught, as Node does with an event's listener: others are settled with it. */
  remove(signal: AbortSignal, request: PendingRequest): void {
    const watched = this.#watched.get(signal);
    if (watched?.requests.delete(request) && watched.requests.size === 0) {
      this.#watched.delete(signal);
      try {
        signal.removeEventListener("abort", watched.onAbort);
      } catch (error) {
        nextTick(() => {
          throw error;
        });
      }
    }
  }
}
