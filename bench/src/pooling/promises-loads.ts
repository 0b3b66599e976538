/** node:fs/promises: all workers share the threads of libuv's pool. */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { runPromises } from "../closed-loop.js";
import { checkContent } from "../small-files.js";
import {
  buffersFor,
  checkWritten,
  type Load,
  type Loads,
  type Log,
  loadsOf,
  runReads,
  type Source,
  type Surroundings,
} from "./load.js";

export const promisesLoads: Loads = loadsOf({
  reads,
  files:
    (nextPath, { inFlight }) =>
    (loop) =>
      runPromises(loop, inFlight, () => readFile(nextPath()), checkContent),
  async append(log, { inFlight }) {
    const handle = await open(log.path, "w");
    return (loop) => runPromises(loop, inFlight, () => append(handle, log), checkWritten);
  },
});

async function reads(source: Source, { inFlight }: Surroundings): Promise<Load> {
  const handle = await open(source.path, source.flags);
  return runReads(
    source,
    buffersFor(source, inFlight),
    (buffer, position) => handle.read(buffer, 0, buffer.length, position),
    ({ bytesRead }) => bytesRead,
  );
}

async function append(handle: FileHandle, log: Log): Promise<number> {
  const { bytesWritten } = await handle.write(log.record, 0, log.record.length, log.next());
  await handle.datasync();
  return bytesWritten;
}
