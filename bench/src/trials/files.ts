/** Whole small files, as a build tool or a server of static files reads them. */
import { promises, readFile } from "node:fs";
import { LOOP_METRICS, runCallbacks, runPromises } from "../closed-loop.js";
import { type Contender, measureContender, ringpostContender } from "../contender.js";
import { ENGINE_DETAILS } from "../engine-details.js";
import { Random } from "../random.js";
import { checkContent, makeSmallFiles, smallFilesIn } from "../small-files.js";
import {
  PLACEMENT_TITLES,
  parameterOf,
  rivalOf,
  type Task,
  type Trial,
  type TrialCase,
} from "../trial.js";
import { warmFiles } from "../warm-file.js";

const FILE_COUNT = 1000;
const DEPTH = 32;

const RINGPOST = "ringpost readFile";
const FS_PROMISES = "fs/promises readFile";
const FS_CALLBACK = "fs.readFile, callback";

interface Work {
  readonly depth: number;
  nextPath(): string;
}

const rivals: Readonly<Record<string, (work: Work) => Promise<Contender>>> = {
  [RINGPOST]: ({ depth, nextPath }) =>
    ringpostContender(({ client }) => ({
      run: (loop) => runPromises(loop, depth, () => client.readFile(nextPath()), checkContent),
    })),
  [FS_PROMISES]: async ({ depth, nextPath }) => ({
    run: (loop) => runPromises(loop, depth, () => promises.readFile(nextPath()), checkContent),
    close: async () => undefined,
  }),
  [FS_CALLBACK]: async ({ depth, nextPath }) => ({
    run: (loop) =>
      runCallbacks<Buffer>(loop, depth, (_, done) => readFile(nextPath(), done), checkContent),
    close: async () => undefined,
  }),
};

export const files: Trial = {
  name: "files",
  title: `Whole files, ${FILE_COUNT} of them with 2 to 8 KiB each, in the page cache, in random order`,
  rivals: Object.keys(rivals),
  ours: [RINGPOST],
  metrics: [...LOOP_METRICS, ...ENGINE_DETAILS],
  notMeasured: ["files that come from the device, large files, cold directory entries, writing"],
  cases({ placements }): TrialCase[] {
    return placements.map((placement) => ({
      title: `depth ${DEPTH}, ${PLACEMENT_TITLES[placement]}`,
      parameters: { depth: DEPTH },
      pinned: placement === "pinned",
      goals: [],
    }));
  },
  makeFixture: (folder, seed) => makeSmallFiles(smallFilesIn(folder, FILE_COUNT), seed),
  async measure(task: Task) {
    const paths = smallFilesIn(task.folder, FILE_COUNT);
    const random = new Random(task.seed);
    const contender = await rivalOf(
      rivals,
      task,
    )({
      depth: parameterOf(task, "depth"),
      nextPath: () => paths[random.below(paths.length)]!,
    });
    return measureContender(contender, task, () => warmFiles(paths));
  },
};
