/** A worker with a client of the engine that the whole pool shares. */
import { workerClient } from "ringpost/piscina";
import type { Tally } from "../../closed-loop.js";
import { ringpostLoads } from "../ringpost-loads.js";
import { type LoopTask, loopOn } from "../worker-loop.js";

const client = await workerClient();

export const loop: (task: LoopTask) => Promise<Tally> = loopOn(ringpostLoads(client));
