import { Engine, type EngineOptions } from "ringpost";
import { ClosedLoop } from "./closed-loop.js";
import { countEngine, detailsBetween } from "./engine-details.js";
import type { Measurement, Task } from "./trial.js";

/** A rival that is ready to run. */
export interface Contender {
  /** Runs until the loop is over. */
  run(loop: ClosedLoop): Promise<void>;
  close(): Promise<void>;
  /** Ringpost's, for what its counters tell. */
  readonly engine?: Engine;
}

/**
 * Warms up, and measures.
 * @param refresh makes sure that files are in the page cache, right before each of the two
 * @param sampleStride as of {@link ClosedLoop}
 */
export async function measureContender(
  contender: Contender,
  { warmUpMs, measureMs }: Task,
  refresh: () => void = () => undefined,
  sampleStride?: number,
): Promise<Measurement> {
  try {
    refresh();
    await contender.run(new ClosedLoop(warmUpMs, sampleStride));
    refresh();
    const countsBefore = countEngine(contender.engine);
    const loop = new ClosedLoop(measureMs, sampleStride);
    await contender.run(loop);
    const details = detailsBetween(countsBefore, countEngine(contender.engine));
    return { ...loop.measurement(), ...details };
  } finally {
    await contender.close();
  }
}

/** A contender on an engine of its own, which is closed with it. */
export async function ringpostContender(
  prepare: (engine: Engine) => Promise<Pick<Contender, "run">> | Pick<Contender, "run">,
  options?: EngineOptions,
): Promise<Contender> {
  const engine = await Engine.start(options);
  const { run } = await prepare(engine);
  return { run, engine, close: () => engine.close() };
}
