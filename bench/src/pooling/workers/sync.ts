/** A worker with synchronous fs, of any pool. */
import type { Tally } from "../../closed-loop.js";
import { syncLoads } from "../sync-loads.js";
import { type LoopTask, loopOn } from "../worker-loop.js";

export const loop: (task: LoopTask) => Promise<Tally> = loopOn(syncLoads);
