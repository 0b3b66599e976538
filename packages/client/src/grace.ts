/** How long a closing client waits for progress; the shortest of several graces counts. */
export class Grace {
  #ms = Number.POSITIVE_INFINITY;
  #restart: (() => void) | undefined;
  #end: (() => void) | undefined;

  shortenTo(ms: number): void {
    if (ms >= this.#ms) return;
    this.#ms = ms;
    this.#restart?.();
  }

  /** Resolves when it is over, or when {@link end} is called before. */
  pass(): Promise<void> {
    return new Promise((resolve) => {
      let timer = setTimeout(resolve, this.#ms);
      this.#restart = () => {
        clearTimeout(timer);
        timer = setTimeout(resolve, this.#ms);
      };
      this.#end = () => {
        clearTimeout(timer);
        this.#restart = undefined;
        this.#end = undefined;
        resolve();
      };
    });
  }

  /** There is nothing left to wait for. */
  end(): void {
    this.#end?.();
  }
}
