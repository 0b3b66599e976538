import { clearTimeout, nextTurn, setTimeout } from "./real-timers.js";
import type { ReplySettler } from "./settle-replies.js";
import type { SlotTable } from "./slot-table.js";

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

  /** Resolves when nothing is under way any more. What is left after a grace without a reply is cancelled, and will reply so. */
  async letFinish(slots: SlotTable, settler: ReplySettler, cancelRest: () => void): Promise<void> {
    do {
      let ended = -1; // what was posted in this very turn of the event loop hasn't left yet: it gets its grace, too
      while (slots.inFlight > 0) {
        if (ended === settler.ended) cancelRest();
        ended = settler.ended;
        await this.#pass();
      }
      // An operation of several requests posts its next one some microtasks later; and this may be called while replies are settled.
      await nextTurn();
    } while (slots.inFlight > 0);
  }

  /** Resolves when it is over, or when {@link end} is called before. */
  #pass(): Promise<void> {
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
