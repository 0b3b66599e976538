/**
 * The experiment of "Getting Hands on with io_uring using Go", with the library itself in it: random reads and writes of one file,
 * three block sizes, three depths, past the page cache and through it. Has a command of its own, command.ts.
 */
import { LOOP_METRICS } from "../closed-loop.js";
import { measureContender } from "../contender.js";
import { ENGINE_DETAILS } from "../engine-details.js";
import type { Goal, Measurement, Task, Trial, TrialCase } from "../trial.js";
import { type Cell, cells, cellTitle, LARGE_BLOCK_BYTES, toCell, toParameters } from "./cells.js";
import { type DataFile, makeDataFile, prepareDataFile } from "./data-file.js";
import {
  hasPolledRing,
  throughCallbacks,
  throughFileHandle,
  throughRingpost,
} from "./node-ways.js";
import { measurePiscina } from "./piscina-way.js";
import { FIO_URING, type Rival, rivalNamed, rivals } from "./rivals.js";
import { runFio } from "./run-fio.js";
import { READ_PERCENT, Work } from "./work.js";

const USUAL_FILE_BYTES = 1 << 30;

/** Operations from one sample of the latency to the next: transfers of 1 MiB are few. Primes, as in ClosedLoop. */
const strideOf = ({ blockBytes }: Cell): number => (blockBytes >= LARGE_BLOCK_BYTES ? 1 : 5);

async function measure(task: Task): Promise<Measurement> {
  const cell = toCell(task.parameters);
  const file = prepareDataFile(task.folder, cell.direct);
  const measured = await measureWay(rivalNamed(task.rival), cell, file, task);
  const { opsPerSecond = 0, cpuUsPerOp = 0 } = measured;
  return {
    ...measured,
    mibPerSecond: (opsPerSecond * cell.blockBytes) / 2 ** 20,
    ...(cpuUsPerOp > 0 && { opsPerCpuSecond: 1e6 / cpuUsPerOp }),
  };
}

async function measureWay(
  { way }: Rival,
  cell: Cell,
  file: DataFile,
  task: Task,
): Promise<Measurement> {
  const { path, bytes } = file;
  const work = new Work(cell, bytes, task.seed);
  const run = (contender: Parameters<typeof measureContender>[0]): Promise<Measurement> =>
    measureContender(contender, task, undefined, strideOf(cell));
  switch (way.kind) {
    case "ringpost":
      return run(await throughRingpost(path, work, way.options));
    case "fio":
      return runFio({ ...task, ...way, path, fileBytes: bytes, cell });
    case "piscina":
      return measurePiscina(file, cell, task);
    case "node": {
      const through = way.api === "FileHandle" ? throughFileHandle : throughCallbacks;
      const measured = await run(await through(path, work));
      return way.ring ? { ...measured, uvRings: hasPolledRing() ? 1 : 0 } : measured;
    }
  }
}

/** What libuv reads when a process starts. */
function environmentOf(
  name: string,
  parameters: Task["parameters"],
): Readonly<Record<string, string>> {
  const { way } = rivalNamed(name);
  if (way.kind !== "node") return {};
  return {
    UV_USE_IO_URING: way.ring ? "1" : "0",
    ...(way.threads === "depth" && { UV_THREADPOOL_SIZE: String(toCell(parameters).depth) }),
  };
}

/** Those of the issue: a share of fio's speed, and no less than what Node has by itself, for less CPU. */
function goalsOf(cell: Cell, taking: readonly Rival[]): Goal[] {
  const nodes = taking.filter(({ tone }) => tone === "rival");
  return taking.flatMap(({ name: rival, shareOfFio }) => {
    if (shareOfFio === undefined) return [];
    const against = (others: readonly Rival[], metric: string, atLeast: number): Goal[] =>
      others.map((other) => ({ metric, rival, against: other.name, atLeast }));
    const fio = taking.filter(({ name }) => name === FIO_URING);
    if (!cell.direct) return against(fio, "opsPerSecond", shareOfFio.buffered);
    return [
      ...against(fio, "opsPerSecond", shareOfFio.direct),
      ...against(nodes, "opsPerSecond", 1),
      ...(cell.blockBytes < LARGE_BLOCK_BYTES ? against(nodes, "opsPerCpuSecond", 2) : []),
    ];
  });
}

export interface Choice {
  readonly rivals: readonly Rival[];
  readonly cells: readonly Cell[];
  readonly fileBytes: number;
}

export function articleTrial({ rivals, cells, fileBytes }: Choice): Trial {
  const cases: TrialCase[] = cells.map((cell) => ({
    title: cellTitle(cell),
    parameters: toParameters(cell),
    pinned: false,
    goals: goalsOf(cell, rivals),
  }));
  const [speed, ...others] = LOOP_METRICS;
  return {
    name: "article",
    title: `Random transfers of a file of ${fileBytes / 2 ** 20} MiB, ${READ_PERCENT} % reads and ${100 - READ_PERCENT} % writes`,
    rivals: rivals.map(({ name }) => name),
    ours: rivals.filter(({ tone }) => tone === "ours").map(({ name }) => name),
    metrics: [
      speed!,
      { key: "mibPerSecond", title: "MiB/s", digits: 0 },
      ...others,
      { key: "opsPerCpuSecond", title: "ops/CPU s", digits: 0 },
      ...ENGINE_DETAILS,
      { key: "uvRings", title: "rings of libuv that serve files", digits: 0, isDetail: true },
    ],
    notMeasured: [
      "several files or clients, other mixes, sequential transfers, durability (nobody syncs within a measurement)",
      "CPU time that the kernel spends for everybody: interrupts, and writing dirty pages back",
      "where the memory of each lies: the more scattered its pages, the more pieces the kernel cuts a transfer of 1 MiB into",
      "fio with sqthread_poll, hipri or batched submission; FileHandle with more than libuv's usual threads",
    ],
    cases: () => cases,
    childEntry: new URL("./child.js", import.meta.url),
    environmentOf,
    makeFixture: (folder) => makeDataFile(folder, fileBytes),
    measure,
  };
}

/** With everybody, and all cells. */
export const article: Trial = articleTrial({ rivals, cells, fileBytes: USUAL_FILE_BYTES });
