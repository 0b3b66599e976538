import type { PendingRequest } from "./pending-request.js";

/** What the line may have of places that nobody stands in, besides as many as there are others. */
const MOST_EMPTY = 32;

/** Requests that found no free slot, in order. How many they are is shown in the statistics. */
export class WaitingLine {
  /** Most requests that may wait. */
  readonly limit: number;
  /** One word: the length, for other threads to read. */
  readonly #shown: Float64Array;
  /** Two arrays, swapped when the first one is used up: no element moves. A place is empty when its request has left out of turn. */
  #first: (PendingRequest | undefined)[] = [];
  #taken = 0;
  #last: (PendingRequest | undefined)[] = [];
  #length = 0;
  #whenEmpty: Promise<void> | undefined;
  #tellEmpty: (() => void) | undefined;

  constructor(limit: number, shown: Float64Array = new Float64Array(1)) {
    this.limit = limit;
    this.#shown = shown;
    this.#count(0);
  }

  get length(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /**
   * Returns false where too many wait already.
   * @param isLast there will be no other chance
   */
  join(request: PendingRequest, isLast = false): boolean {
    if (this.#length >= this.limit && !isLast) return false;
    request.placeInLine = this.#last.push(request) - 1;
    this.#count(this.#length + 1);
    return true;
  }

  /** Before all others, however many there are: what has begun must be able to end. */
  goAhead(request: PendingRequest): void {
    if (this.#taken === 0) this.#makeRoomInFront();
    this.#taken--;
    this.#first[this.#taken] = request;
    request.placeInLine = this.#taken;
    this.#count(this.#length + 1);
  }

  /** For as many as there are: to go ahead costs each of those that wait nothing, in the long run. */
  #makeRoomInFront(): void {
    const places = Math.max(MOST_EMPTY, this.#first.length);
    for (const request of this.#first) if (request !== undefined) request.placeInLine += places;
    this.#first = [...new Array<undefined>(places).fill(undefined), ...this.#first];
    this.#taken = places;
  }

  /** The one that has waited longest; it waits on. */
  first(): PendingRequest | undefined {
    if (this.#length === 0) return undefined;
    for (;;) {
      if (this.#taken === this.#first.length) this.#swap();
      const request = this.#first[this.#taken];
      if (request !== undefined) return request;
      this.#taken++;
    }
  }

  #swap(): void {
    const emptied = this.#first;
    emptied.length = 0;
    this.#first = this.#last;
    this.#last = emptied;
    this.#taken = 0;
  }

  /** The one that has waited longest leaves. */
  leave(): PendingRequest | undefined {
    const request = this.first();
    if (request === undefined) return undefined;
    this.#first[this.#taken++] = undefined;
    this.#count(this.#length - 1);
    return request;
  }

  /** Takes one out that waits no longer. Returns false where it isn't in the line. */
  remove(request: PendingRequest): boolean {
    const { placeInLine } = request;
    const line = this.#last[placeInLine] === request ? this.#last : this.#first;
    if (line[placeInLine] !== request) return false;
    line[placeInLine] = undefined;
    this.#count(this.#length - 1);
    const places = this.#first.length - this.#taken + this.#last.length;
    if (places > 2 * this.#length + MOST_EMPTY) this.#lineUp(this.#waiting());
    return true;
  }

  /** Takes out those that wait no longer. */
  removeAll(which: (request: PendingRequest) => boolean): PendingRequest[] {
    const removed: PendingRequest[] = [];
    const left: PendingRequest[] = [];
    for (const request of this.#waiting()) (which(request) ? removed : left).push(request);
    this.#lineUp(left);
    return removed;
  }

  /** Takes out all that wait. */
  evict(): PendingRequest[] {
    return this.removeAll(() => true);
  }

  /** In order. */
  #waiting(): PendingRequest[] {
    const places = [...this.#first.slice(this.#taken), ...this.#last];
    return places.filter((request) => request !== undefined);
  }

  /** These are all that wait. */
  #lineUp(waiting: PendingRequest[]): void {
    for (const [place, request] of waiting.entries()) request.placeInLine = place;
    this.#first = waiting;
    this.#last = [];
    this.#taken = 0;
    this.#count(waiting.length);
  }

  /** Resolves when nobody waits. */
  emptied(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    this.#whenEmpty ??= new Promise((resolve) => {
      this.#tellEmpty = resolve;
    });
    return this.#whenEmpty;
  }

  #count(length: number): void {
    this.#length = length;
    this.#shown[0] = length;
    if (length === 0) this.#tellThatEmpty();
  }

  #tellThatEmpty(): void {
    this.#tellEmpty?.();
    this.#tellEmpty = undefined;
    this.#whenEmpty = undefined;
  }
}
