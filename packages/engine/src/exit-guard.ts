/**
 * A worker that is blocked in native code can't be terminated, and a process (or worker) that ends waits for its workers. So
 * engines that are still open when their starting thread exits are told to stop by the doorbell. Where no exit event comes
 * (the starting thread is itself terminated), the engine's bounded wait is the net.
 */
import { addon } from "@ringpost/native";

const open = new Set<number>();

function stopAll(): void {
  for (const engine of open) addon.stopEngine(engine, 0);
}

/** @param engine its number */
export function guardExit(engine: number): void {
  if (open.size === 0) process.on("exit", stopAll);
  open.add(engine);
}

export function releaseExit(engine: number): void {
  if (open.delete(engine) && open.size === 0) process.off("exit", stopAll);
}
