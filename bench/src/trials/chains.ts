/** Open → read → close of small hot files as one chain, beside the same loop in plain C++ on the native core. */
import { execFile, execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { opened } from "ringpost";
import { LOOP_METRICS, runPromises } from "../closed-loop.js";
import { measureContender, ringpostContender } from "../contender.js";
import { ENGINE_DETAILS } from "../engine-details.js";
import { Random } from "../random.js";
import { checkContent, LARGEST_BYTES, makeSmallFiles, smallFilesIn } from "../small-files.js";
import {
  type Measurement,
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
/** At most twice the time of plain C++. */
const LEAST_RATIO = 0.5;

const CHAIN = "ringpost chain";
const READ_FILE = "ringpost readFile";
const PLAIN = "plain C++, linked";

const nativeBench = fileURLToPath(new URL("../../../native/bench", import.meta.url));
const chainLoop = fileURLToPath(new URL("../../../native/build-bench/chain_loop", import.meta.url));

const rivals: Readonly<Record<string, (task: Task) => Promise<Measurement>>> = {
  [CHAIN]: measureChains,
  [READ_FILE]: measureReadFile,
  [PLAIN]: measurePlain,
};

async function measureChains(task: Task): Promise<Measurement> {
  const paths = smallFilesIn(task.folder, FILE_COUNT);
  const random = new Random(task.seed);
  const depth = parameterOf(task, "depth");
  const contender = await ringpostContender(({ client }) => {
    const buffers = Array.from({ length: depth }, () => client.lease(2 * LARGEST_BYTES).buffer);
    return {
      run: (loop) =>
        runPromises(
          loop,
          depth,
          (chain) =>
            client
              .chain()
              .open(paths[random.below(paths.length)]!)
              .read(opened, buffers[chain]!)
              .hardLink() // a file is shorter than the buffer
              .close(opened)
              .run(),
          ([, bytes]) => checkContent({ length: bytes }),
        ),
    };
  });
  return measureContender(contender, task, () => warmFiles(paths));
}

async function measureReadFile(task: Task): Promise<Measurement> {
  const paths = smallFilesIn(task.folder, FILE_COUNT);
  const random = new Random(task.seed);
  const contender = await ringpostContender(({ client }) => ({
    run: (loop) =>
      runPromises(
        loop,
        parameterOf(task, "depth"),
        () => client.readFile(paths[random.below(paths.length)]!),
        checkContent,
      ),
  }));
  return measureContender(contender, task, () => warmFiles(paths));
}

/** A program of its own; on the CPU of this process, if that is pinned. */
async function measurePlain(task: Task): Promise<Measurement> {
  warmFiles(smallFilesIn(task.folder, FILE_COUNT));
  const times = [task.warmUpMs, task.measureMs, task.seed];
  const given = [task.folder, FILE_COUNT, parameterOf(task, "depth"), ...times].map(String);
  const { stdout } = await promisify(execFile)(chainLoop, given, {
    timeout: task.warmUpMs + task.measureMs + 30_000,
  });
  return JSON.parse(stdout) as Measurement; // chain_loop.cc prints one
}

export const chains: Trial = {
  name: "chains",
  title: `Open, read and close of ${FILE_COUNT} files with 2 to 8 KiB each, in the page cache, as a chain`,
  rivals: Object.keys(rivals),
  ours: [CHAIN, READ_FILE],
  metrics: [...LOOP_METRICS, ...ENGINE_DETAILS],
  notMeasured: ["chains of writes, chains of more than three steps, latency of the C++ loop"],
  cases({ placements }): TrialCase[] {
    return placements.map((placement) => ({
      title: `depth ${DEPTH}, ${PLACEMENT_TITLES[placement]}`,
      parameters: { depth: DEPTH },
      pinned: placement === "pinned",
      goals: [{ metric: "opsPerSecond", rival: CHAIN, against: PLAIN, atLeast: LEAST_RATIO }],
    }));
  },
  makeFixture(folder, seed): void {
    makeSmallFiles(smallFilesIn(folder, FILE_COUNT), seed);
    execFileSync("make", ["-s", "-C", nativeBench], { stdio: ["ignore", "ignore", "inherit"] });
  },
  measure: (task) => rivalOf(rivals, task)(task),
};
