/** A client of a ringpost engine: the same in a worker, on the engine that all share, and in the main thread. */
import type { Client } from "ringpost";
import { runPromises } from "../closed-loop.js";
import { checkContent } from "../small-files.js";
import {
  checkWritten,
  type Load,
  type Loads,
  type Log,
  loadsOf,
  RECORD_BYTES,
  runReads,
  type Source,
  type Surroundings,
} from "./load.js";

export function ringpostLoads(client: Client): Loads {
  return loadsOf({
    reads: (source, around) => reads(client, source, around),
    files:
      (nextPath, { inFlight }) =>
      (loop) =>
        runPromises(loop, inFlight, () => client.readFile(nextPath()), checkContent),
    append: (log, around) => appends(client, log, around),
  });
}

async function reads(client: Client, source: Source, { inFlight }: Surroundings): Promise<Load> {
  const fd = await client.open(source.path, source.flags);
  const buffers = Array.from({ length: inFlight }, () => client.lease(source.bytes).buffer);
  return runReads(
    source,
    buffers,
    (buffer, position) => client.read(fd, buffer, position),
    (bytes) => bytes,
  );
}

/** Both steps of an append as one chain. */
async function appends(client: Client, log: Log, { inFlight }: Surroundings): Promise<Load> {
  const fd = await client.open(log.path, "w");
  const record = client.lease(RECORD_BYTES).buffer;
  log.record.copy(record);
  return (loop) =>
    runPromises(
      loop,
      inFlight,
      () => client.chain().write(fd, record, log.next()).fdatasync(fd).run(),
      ([bytes]) => checkWritten(bytes),
    );
}
