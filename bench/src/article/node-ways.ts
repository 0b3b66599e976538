/** The experiment through ringpost and through Node's own ways, from one thread with `depth` transfers in flight. */
import { closeSync, openSync, promises, read, readdirSync, readFileSync, write } from "node:fs";
import type { EngineOptions } from "ringpost";
import { runCallbacks, runPromises } from "../closed-loop.js";
import { type Contender, ringpostContender } from "../contender.js";
import { alignedBuffers, type Work } from "./work.js";

export function throughRingpost(
  path: string,
  work: Work,
  options: EngineOptions,
): Promise<Contender> {
  const { depth, blockBytes, openFlags } = work;
  return ringpostContender(async ({ client }) => {
    const fd = await client.open(path, openFlags);
    const leases = Array.from({ length: depth }, () => client.lease(blockBytes));
    const operate = (chain: number): Promise<number> => {
      const { buffer } = leases[chain]!;
      return work.nextIsRead()
        ? client.read(fd, buffer, work.nextPosition())
        : client.write(fd, buffer, work.nextPosition());
    };
    return {
      run: (loop) => runPromises(loop, depth, operate, (bytes) => work.checkBytes(bytes)),
    };
  }, options);
}

export async function throughFileHandle(path: string, work: Work): Promise<Contender> {
  const { depth, blockBytes, openFlags } = work;
  const handle = await promises.open(path, openFlags);
  const buffers = alignedBuffers(depth, blockBytes);
  type Transferred = { readonly bytesRead: number } | { readonly bytesWritten: number };
  const operate = (chain: number): Promise<Transferred> =>
    work.nextIsRead()
      ? handle.read(buffers[chain]!, 0, blockBytes, work.nextPosition())
      : handle.write(buffers[chain]!, 0, blockBytes, work.nextPosition());
  return {
    run: (loop) =>
      runPromises(loop, depth, operate, (done) =>
        work.checkBytes("bytesRead" in done ? done.bytesRead : done.bytesWritten),
      ),
    close: () => handle.close(),
  };
}

export async function throughCallbacks(path: string, work: Work): Promise<Contender> {
  const { depth, blockBytes, openFlags } = work;
  const fd = openSync(path, openFlags);
  const buffers = alignedBuffers(depth, blockBytes);
  return {
    run: (loop) =>
      runCallbacks<number>(
        loop,
        depth,
        (chain, done) =>
          work.nextIsRead()
            ? read(fd, buffers[chain]!, 0, blockBytes, work.nextPosition(), done)
            : write(fd, buffers[chain]!, 0, blockBytes, work.nextPosition(), done),
        (bytes) => work.checkBytes(bytes),
      ),
    close: async () => closeSync(fd),
  };
}

/** Whether libuv has made a ring for files in this process: the kernel's thread of it is named so. */
export function hasPolledRing(): boolean {
  const tasks = "/proc/self/task";
  return readdirSync(tasks).some((thread) =>
    readFileSync(`${tasks}/${thread}/comm`, "utf8").startsWith("iou-sqp"),
  );
}
