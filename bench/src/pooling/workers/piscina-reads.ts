/** A worker of piscina that reads for the main thread. */
import { move } from "piscina";
import { type ReadTask, readBlock } from "../read-task.js";

/** Transfers the bytes, as piscina's README advises. */
export const moved = (task: ReadTask): unknown => move(readBlock(task));

/** Lets the message copy them. */
export const copied: (task: ReadTask) => Buffer = readBlock;
