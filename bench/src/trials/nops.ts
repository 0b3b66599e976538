/** Requests that do nothing: what the way there and back costs by itself. */
import { LOOP_METRICS, runPromises } from "../closed-loop.js";
import { measureContender, ringpostContender } from "../contender.js";
import { ENGINE_DETAILS } from "../engine-details.js";
import { PLACEMENT_TITLES, parameterOf, type Task, type Trial, type TrialCase } from "../trial.js";

const DEPTH = 32;
const RINGPOST = "ringpost nop";

export const nops: Trial = {
  name: "nops",
  title: "Requests that do nothing, all the way to the kernel and back",
  rivals: [RINGPOST],
  ours: [RINGPOST],
  metrics: [...LOOP_METRICS, ...ENGINE_DETAILS],
  notMeasured: ["any rival: node:fs has no such operation"],
  cases({ placements }): TrialCase[] {
    return placements.map((placement) => ({
      title: `depth ${DEPTH}, ${PLACEMENT_TITLES[placement]}`,
      parameters: { depth: DEPTH },
      pinned: placement === "pinned",
      goals: [{ metric: "opsPerSecond", rival: RINGPOST, atLeast: 1_200_000 }],
    }));
  },
  async measure(task: Task) {
    const depth = parameterOf(task, "depth");
    const contender = await ringpostContender(({ client }) => ({
      run: (loop) =>
        runPromises(
          loop,
          depth,
          () => client.nop(),
          () => undefined,
        ),
    }));
    return measureContender(contender, task);
  },
};
