/** Bounds the memory of a job: bytes are taken before they are allocated, and given back after. First come, first served. */
export class ByteBudget {
  readonly #total: number;
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /** Returns what to give back: never more than there is, so that everybody gets his turn. */
  async take(wanted: number): Promise<number> {
    const bytes = Math.min(wanted, this.#total);
    if (this.#waiting.length === 0 && bytes <= this.#free) this.#free -= bytes;
    else await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
    return bytes;
  }

  give(bytes: number): void {
    this.#free += bytes;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.bytes > this.#free) return;
      this.#free -= next.bytes;
      this.#waiting.shift();
      next.go();
    }
  }
}
