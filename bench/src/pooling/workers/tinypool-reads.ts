/** A worker of tinypool that reads for the main thread. */
import Tinypool from "tinypool";
import { type ReadTask, readBlock } from "../read-task.js";

export const moved = (task: ReadTask): unknown => Tinypool.move(readBlock(task));
