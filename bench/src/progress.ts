/** A bar on a terminal; anywhere else a line per step, as a log wants it. On stderr, so that stdout has the results alone. */
import { Presets, SingleBar } from "cli-progress";

export class Progress {
  readonly #bar: SingleBar | undefined;
  #isOn = false;

  /** @param unit what is counted */
  constructor(unit: string) {
    if (!process.stderr.isTTY) return;
    const format = `{bar} {value}/{total} ${unit}  {step}`;
    this.#bar = new SingleBar(
      { format, hideCursor: true, clearOnComplete: true, stream: process.stderr },
      Presets.shades_classic,
    );
  }

  /** A new step begins; what came before is over. */
  begin(step: string, total: number): void {
    this.end();
    this.#isOn = true;
    if (this.#bar === undefined) process.stderr.write(`${step}\n`);
    else this.#bar.start(total, 0, { step });
  }

  update(done: number): void {
    if (this.#isOn) this.#bar?.update(done);
  }

  end(): void {
    if (this.#isOn) this.#bar?.stop();
    this.#isOn = false;
  }
}
