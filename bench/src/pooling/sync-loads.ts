/** Synchronous fs: one operation at a time, and the thread waits for it. */
import { fdatasyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { runBlocking } from "../closed-loop.js";
import { checkContent } from "../small-files.js";
import { checkBlock } from "./block-file.js";
import { buffersFor, checkWritten, type Load, type Loads, loadsOf, type Source } from "./load.js";

export const syncLoads: Loads = loadsOf({
  reads,
  files: (nextPath) => (loop) => runBlocking(loop, () => readFileSync(nextPath()), checkContent),
  append(log) {
    const fd = openSync(log.path, "w");
    return (loop) =>
      runBlocking(
        loop,
        () => {
          const bytes = writeSync(fd, log.record, 0, log.record.length, log.next());
          fdatasyncSync(fd);
          return bytes;
        },
        checkWritten,
      );
  },
});

function reads(source: Source): Load {
  const { path, flags, places, use } = source;
  const fd = openSync(path, flags);
  const buffer = buffersFor(source, 1)[0]!;
  let position = 0;
  return (loop) =>
    runBlocking(
      loop,
      () => {
        position = places.next();
        return readSync(fd, buffer, 0, buffer.length, position);
      },
      (bytes) => {
        checkBlock(buffer, bytes, position);
        use(buffer);
      },
    );
}
