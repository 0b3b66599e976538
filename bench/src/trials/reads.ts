/** Cached random reads, 4 KiB each. */
import { closeSync, openSync, promises, read, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine, EngineOptions } from "ringpost";
import { LOOP_METRICS, runCallbacks, runPromises } from "../closed-loop.js";
import { type Contender, measureContender, ringpostContender } from "../contender.js";
import { ENGINE_DETAILS } from "../engine-details.js";
import { Random } from "../random.js";
import {
  type Choices,
  type Goal,
  PLACEMENT_TITLES,
  parameterOf,
  rivalOf,
  type Task,
  type Trial,
  type TrialCase,
} from "../trial.js";
import { warmFile } from "../warm-file.js";

const FILE_BYTES = 64 << 20;
const BLOCK_BYTES = 4096;
const GOAL_DEPTH = 32;

const RINGPOST = "ringpost read";
const THROUGH_RING = "ringpost read, through the ring";
const RINGPOST_LEASED = "ringpost read, leased";
const FILE_HANDLE = "FileHandle.read";
const FS_CALLBACK = "fs.read, callback";

/** What all rivals have in common. */
interface Work {
  readonly path: string;
  readonly depth: number;
  nextPosition(): number;
}

const rivals: Readonly<Record<string, (work: Work) => Promise<Contender>>> = {
  [RINGPOST]: (work) => throughRingpost(work, ordinaryBuffer),
  [THROUGH_RING]: (work) => throughRingpost(work, ordinaryBuffer, { hotReads: false }),
  [RINGPOST_LEASED]: (work) =>
    throughRingpost(work, (engine) => engine.client.lease(BLOCK_BYTES).buffer),
  [FILE_HANDLE]: throughFileHandle,
  [FS_CALLBACK]: throughCallbacks,
};

function ordinaryBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(BLOCK_BYTES);
}

function throughRingpost(
  work: Work,
  bufferFrom: (engine: Engine) => Buffer,
  options?: EngineOptions,
): Promise<Contender> {
  return ringpostContender(async (engine) => {
    const { client } = engine;
    const fd = await client.open(work.path);
    const buffers = buffersOf(work, () => bufferFrom(engine));
    return {
      run: (loop) =>
        runPromises(
          loop,
          work.depth,
          (chain) => client.read(fd, buffers[chain]!, work.nextPosition()),
          checkBytes,
        ),
    };
  }, options);
}

async function throughFileHandle(work: Work): Promise<Contender> {
  const handle = await promises.open(work.path);
  const buffers = buffersOf(work, ordinaryBuffer);
  return {
    run: (loop) =>
      runPromises(
        loop,
        work.depth,
        (chain) => handle.read(buffers[chain]!, 0, BLOCK_BYTES, work.nextPosition()),
        ({ bytesRead }) => checkBytes(bytesRead),
      ),
    close: () => handle.close(),
  };
}

async function throughCallbacks(work: Work): Promise<Contender> {
  const fd = openSync(work.path, "r");
  const buffers = buffersOf(work, ordinaryBuffer);
  return {
    run: (loop) =>
      runCallbacks<number>(
        loop,
        work.depth,
        (chain, done) => read(fd, buffers[chain]!, 0, BLOCK_BYTES, work.nextPosition(), done),
        checkBytes,
      ),
    close: async () => closeSync(fd),
  };
}

function buffersOf({ depth }: Work, make: () => Buffer): Buffer[] {
  return Array.from({ length: depth }, make);
}

function checkBytes(bytes: number): void {
  if (bytes !== BLOCK_BYTES) throw new Error(`A read gave ${bytes} bytes of ${BLOCK_BYTES}`);
}

function pathIn(folder: string): string {
  return join(folder, "reads.dat");
}

function goalsOf(depth: number, placement: Choices["placements"][number]): Goal[] {
  if (depth !== GOAL_DEPTH) return [];
  const faster = (against: string, atLeast: number): Goal => ({
    metric: "opsPerSecond",
    rival: RINGPOST,
    against,
    atLeast,
  });
  return placement === "free"
    ? [faster(FILE_HANDLE, 2.5)]
    : [faster(FILE_HANDLE, 5), faster(FS_CALLBACK, 3)];
}

export const reads: Trial = {
  name: "reads",
  title: "Random reads of 4 KiB, from a file of 64 MiB that is in the page cache",
  rivals: Object.keys(rivals),
  ours: [RINGPOST, THROUGH_RING, RINGPOST_LEASED],
  metrics: [...LOOP_METRICS, ...ENGINE_DETAILS],
  notMeasured: [
    "reads that reach the device, O_DIRECT, other sizes, several files",
    "more than one client; what else the program's thread does between two reads",
  ],
  cases({ depths, placements }): TrialCase[] {
    return placements.flatMap((placement) =>
      depths.map((depth) => ({
        title: `depth ${depth}, ${PLACEMENT_TITLES[placement]}`,
        parameters: { depth },
        pinned: placement === "pinned",
        goals: goalsOf(depth, placement),
      })),
    );
  },
  makeFixture(folder): void {
    writeFileSync(pathIn(folder), Buffer.alloc(FILE_BYTES, 1));
  },
  async measure(task: Task) {
    const path = pathIn(task.folder);
    const blockCount = warmFile(path) / BLOCK_BYTES;
    const random = new Random(task.seed);
    const contender = await rivalOf(
      rivals,
      task,
    )({
      path,
      depth: parameterOf(task, "depth"),
      nextPosition: () => random.below(blockCount) * BLOCK_BYTES,
    });
    return measureContender(contender, task, () => warmFile(path));
  },
};
