/** A worker with a client of the engine that the whole pool shares. */
import { workerData } from "piscina";
import { connect, type EngineHandle } from "ringpost";
import type { Tally } from "../../closed-loop.js";
import { ringpostLoads } from "../ringpost-loads.js";
import { type LoopTask, loopOn } from "../worker-loop.js";

const client = await connect(workerData as EngineHandle); // pools.ts hands it over

export const loop: (task: LoopTask) => Promise<Tally> = loopOn(ringpostLoads(client));
