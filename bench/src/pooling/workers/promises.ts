/** A worker with node:fs/promises. */
import type { Tally } from "../../closed-loop.js";
import { promisesLoads } from "../promises-loads.js";
import { type LoopTask, loopOn } from "../worker-loop.js";

export const loop: (task: LoopTask) => Promise<Tally> = loopOn(promisesLoads);
