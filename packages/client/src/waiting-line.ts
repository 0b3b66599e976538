import type { PendingRequest } from "./pending-request.js";

/** Requests that found no free slot, in order. How many they are is shown in the statistics. */
export class WaitingLine {
  /** Most requests that may wait. */
  readonly limit: number;
  /** One word: the length, for other threads to read. */
  readonly #shown: Float64Array;
  #first: PendingRequest[] = [];
  #taken = 0;
  #last: PendingRequest[] = [];
  #whenEmpty: Promise<void> | undefined;
  #tellEmpty: (() => void) | undefined;

  constructor(limit: number, shown: Float64Array = new Float64Array(1)) {
    this.limit = limit;
    this.#shown = shown;
    this.#show();
  }

  get length(): number {
    return this.#first.length - this.#taken + this.#last.length;
  }

  get isEmpty(): boolean {
    return this.#taken === this.#first.length && this.#last.length === 0;
  }

  /** Returns false where too many wait already. */
  join(request: PendingRequest): boolean {
    if (this.length >= this.limit) return false;
    this.#last.push(request);
    this.#show();
    return true;
  }

  /** Before all others, however many there are: what has begun must be able to end. */
  goAhead(request: PendingRequest): void {
    if (this.#taken > 0) this.#first[--this.#taken] = request;
    else this.#first.unshift(request);
    this.#show();
  }

  /** The one that has waited longest; it waits on. */
  first(): PendingRequest | undefined {
    return this.#first[this.#taken] ?? this.#last[0];
  }

  /** The one that has waited longest leaves. */
  leave(): PendingRequest | undefined {
    if (this.#taken === this.#first.length) {
      // Two arrays, swapped when the first one is used up: no element moves.
      const emptied = this.#first;
      emptied.length = 0;
      this.#first = this.#last;
      this.#last = emptied;
      this.#taken = 0;
    }
    const request = this.#first[this.#taken];
    if (request === undefined) return undefined;
    this.#taken++;
    this.#show();
    if (this.isEmpty) this.#tellThatEmpty();
    return request;
  }

  /** Takes one out that waits no longer. Returns false where it isn't in the line. */
  remove(request: PendingRequest): boolean {
    let from = this.#last;
    let at = from.indexOf(request);
    if (at < 0) {
      from = this.#first;
      at = from.indexOf(request, this.#taken);
    }
    if (at < 0) return false;
    from.splice(at, 1);
    this.#show();
    if (this.isEmpty) this.#tellThatEmpty();
    return true;
  }

  /** Takes out those that wait no longer. */
  removeAll(which: (request: PendingRequest) => boolean): PendingRequest[] {
    const removed: PendingRequest[] = [];
    const left: PendingRequest[] = [];
    for (const request of [...this.#first.slice(this.#taken), ...this.#last])
      (which(request) ? removed : left).push(request);
    this.#first = left;
    this.#last = [];
    this.#taken = 0;
    this.#show();
    if (this.isEmpty) this.#tellThatEmpty();
    return removed;
  }

  /** Resolves when nobody waits. */
  emptied(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    this.#whenEmpty ??= new Promise((resolve) => {
      this.#tellEmpty = resolve;
    });
    return this.#whenEmpty;
  }

  /** Takes out all that wait. */
  evict(): PendingRequest[] {
    return this.removeAll(() => true);
  }

  #show(): void {
    this.#shown[0] = this.length;
  }

  #tellThatEmpty(): void {
    this.#tellEmpty?.();
    this.#tellEmpty = undefined;
    this.#whenEmpty = undefined;
  }
}
