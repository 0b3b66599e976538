import { PendingRequest } from "./pending-request.js";
import type { SignalWatch } from "./signal-watch.js";
import type { Slabs } from "./slabs.js";

/** Which request holds which slot; a slot is a credit: so many requests may be with the engine at a time. */
export class SlotTable {
  readonly #requests: (PendingRequest | undefined)[];
  readonly #generations: Int32Array;
  readonly #freeSlots: Int32Array;
  #freeCount: number;
  #unordered = 0;
  readonly #idle: PendingRequest[] = [];
  readonly #slabs: Slabs;
  readonly #signals: SignalWatch;

  constructor(slotCount: number, slabs: Slabs, signals: SignalWatch) {
    this.#slabs = slabs;
    this.#signals = signals;
    this.#requests = new Array<PendingRequest | undefined>(slotCount).fill(undefined);
    this.#generations = new Int32Array(slotCount);
    this.#freeSlots = new Int32Array(slotCount);
    // Lowest slot on top: few in flight touch few cache lines.
    for (let nth = 0; nth < slotCount; nth++) this.#freeSlots[nth] = slotCount - 1 - nth;
    this.#freeCount = slotCount;
  }

  get count(): number {
    return this.#freeSlots.length;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  get inFlight(): number {
    return this.#freeSlots.length - this.#freeCount;
  }

  /** How many of those in flight may be overtaken. */
  get unordered(): number {
    return this.#unordered;
  }

  /** A cleared record, for a new request. */
  acquire(): PendingRequest {
    return this.#idle.pop() ?? new PendingRequest();
  }

  /** Gives a slot to the request. The caller knows that one is free. */
  occupy(request: PendingRequest): number {
    const slot = this.#freeSlots[--this.#freeCount]!;
    this.#requests[slot] = request;
    request.slot = slot;
    if (request.mayBeOvertaken) this.#unordered++;
    this.#generations[slot] = (this.#generations[slot]! + 1) | 0;
    return slot;
  }

  generation(slot: number): number {
    return this.#generations[slot]!;
  }

  /** The request that waits in this slot, or undefined. */
  waiting(slot: number, generation: number): PendingRequest | undefined {
    return this.#generations[slot] === generation ? this.#requests[slot] : undefined;
  }

  /** Frees the slot of a replied request. Returns undefined where no such request waits. */
  complete(slot: number, generation: number): PendingRequest | undefined {
    const request = this.#requests[slot];
    if (request === undefined || this.#generations[slot] !== generation) return undefined;
    this.#free(slot, request);
    return request;
  }

  /** A request that isn't with the engine fails. */
  refuse(request: PendingRequest, error: Error): void {
    request.reject(error);
    this.recycle(request);
  }

  /** The request is settled: its buffer is the caller's again, its record free for another one. */
  recycle(request: PendingRequest): void {
    if (request.leases.length > 0) this.#slabs.release(request.leases);
    if (request.signal !== undefined) this.#signals.remove(request.signal, request);
    request.clear();
    this.#idle.push(request);
  }

  /** The requests that hold a slot. */
  *inSlots(): Generator<PendingRequest> {
    for (const request of this.#requests) if (request !== undefined) yield request;
  }

  /** Takes out all requests that still hold a slot. */
  *evict(): Generator<PendingRequest> {
    for (const [slot, request] of this.#requests.entries()) {
      if (request === undefined) continue;
      this.#free(slot, request);
      yield request;
    }
  }

  #free(slot: number, request: PendingRequest): void {
    this.#requests[slot] = undefined;
    this.#freeSlots[this.#freeCount++] = slot;
    request.slot = -1; // it may still be aborted, and the slot be another's by then
    if (request.mayBeOvertaken) this.#unordered--;
  }
}
