/** Where a benchmark ran: without it, its numbers mean nothing. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly kernel: string;
  readonly cpu: string;
  readonly cpuCount: number;
  readonly memoryGiB: number;
  /** Over the last minute, when the run began: what else was going on. */
  readonly load: number;
  readonly node: string;
  /** With "+" behind it where files differ from it. */
  readonly commit: string;
  readonly date: string;
}

export function describeMachine(): Machine {
  return {
    kernel: release(),
    cpu: cpus()[0]?.model ?? "unknown",
    cpuCount: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: Number(loadavg()[0]?.toFixed(2)),
    node: process.version,
    commit: currentCommit(),
    date: new Date().toISOString(),
  };
}

/** The CPU to pin to: the first that this process may use. undefined where taskset (util-linux) is missing. */
export function cpuToPinTo(): number | undefined {
  if (spawnSync("taskset", ["-V"], { stdio: "ignore" }).status !== 0) return undefined;
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}

function currentCommit(): string {
  try {
    const commit = git("rev-parse", "--short", "HEAD");
    return git("status", "--porcelain") === "" ? commit : `${commit}+`;
  } catch {
    return "unknown"; // not a clone, or no git
  }
}

function git(...args: string[]): string {
  const options = { cwd: import.meta.dirname, encoding: "utf8", timeout: 10_000 } as const;
  return execFileSync("git", args, { ...options, stdio: ["ignore", "pipe", "ignore"] }).trim();
}
