/** Runs fio, and watches what CPU it uses. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import { cpuNsOfThreads } from "../thread-cpu.js";
import type { Measurement } from "../trial.js";
import { type FioJob, fioArguments, parseFio } from "./fio.js";

/** Whether there is a fio that has this engine. */
export function hasFioEngine(engine: string): boolean {
  const { status, stdout } = spawnSync("fio", ["--enghelp"], { encoding: "utf8" });
  return status === 0 && stdout.split(/\s+/).includes(engine);
}

/** The version, undefined where there is none. */
export function fioVersion(): string | undefined {
  const { status, stdout } = spawnSync("fio", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

const SPARE_MS = 40_000;
const SAMPLE_EVERY_MS = 50;
/** Samples so near to either end of the measurement don't count: fio may still start, or already count. */
const EDGE_SHARE = 0.15;

interface Sample {
  readonly at: number;
  readonly cpuNs: number;
}

export async function runFio(job: FioJob): Promise<Measurement> {
  const fio = spawn("fio", fioArguments(job), {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: job.warmUpMs + job.measureMs + SPARE_MS,
    killSignal: "SIGKILL",
  });
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    try {
      samples.push({ at: performance.now(), cpuNs: cpuNsOfThreads(fio.pid!) });
    } catch {
      // It has ended.
    }
  }, SAMPLE_EVERY_MS);
  try {
    const exited = once(fio, "exit");
    exited.then(
      () => clearInterval(timer),
      () => undefined,
    );
    const [output, complaints, [code, signal]] = await Promise.all([
      text(fio.stdout),
      text(fio.stderr),
      exited,
    ]);
    if (code !== 0) throw new Error(`fio ended with ${signal ?? code}: ${complaints || output}`);
    return parseFio(output, cpuShare(samples, job.measureMs), job.cell.depth);
  } finally {
    clearInterval(timer);
  }
}

/** CPUs that were busy in the middle of the measurement, which is the last thing that fio does. */
export function cpuShare(samples: readonly Sample[], measureMs: number): number | undefined {
  const end = samples.at(-1)?.at ?? 0;
  const edge = EDGE_SHARE * measureMs;
  const inside = samples.filter(({ at }) => at >= end - measureMs + edge && at <= end - edge);
  const [first] = inside;
  const last = inside.at(-1);
  if (first === undefined || last === undefined || first === last) return undefined;
  return (last.cpuNs - first.cpuNs) / 1e6 / (last.at - first.at);
}
