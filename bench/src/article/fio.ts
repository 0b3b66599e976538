/** fio's side of the experiment: what it is told, and what it says. */
import type { Measurement } from "../trial.js";
import type { Cell } from "./cells.js";
import { READ_PERCENT } from "./work.js";

export interface FioJob {
  readonly engine: string;
  /** Of the engine. */
  readonly args: readonly string[];
  readonly path: string;
  readonly fileBytes: number;
  readonly cell: Cell;
  readonly seed: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Its engines that have one transfer in flight per thread. */
const BLOCKING_ENGINES = ["psync", "sync", "vsync"];

/** The same work as {@link Work}: blocks anywhere, again and again, out of memory that reads and writes share. */
export function fioArguments(job: FioJob): string[] {
  const { cell, engine } = job;
  const depth = BLOCKING_ENGINES.includes(engine)
    ? [`--numjobs=${cell.depth}`]
    : ["--numjobs=1", `--iodepth=${cell.depth}`];
  return [
    "--name=article",
    `--filename=${job.path}`,
    `--size=${job.fileBytes}`,
    "--rw=randrw",
    `--rwmixread=${READ_PERCENT}`,
    `--bs=${cell.blockBytes}`,
    `--direct=${cell.direct ? 1 : 0}`,
    `--ioengine=${engine}`,
    ...job.args,
    ...depth,
    "--time_based=1",
    `--ramp_time=${job.warmUpMs}ms`,
    `--runtime=${job.measureMs}ms`,
    `--randseed=${job.seed}`,
    "--norandommap=1", // any block may come again before all have come, as in Work
    "--allow_file_create=0",
    "--invalidate=0", // the page cache is as prepareDataFile has left it
    "--fadvise_hint=0",
    "--scramble_buffers=0",
    "--thread=1",
    "--group_reporting=1",
    "--unified_rw_reporting=1",
    "--clat_percentiles=0",
    "--lat_percentiles=1",
    "--percentile_list=50:99:99.9",
    "--eta=never",
    "--output-format=json",
  ];
}

interface FioOutput {
  readonly jobs: readonly [
    {
      /** Per cent of the time, of all threads of the group, but for the kernel's own. */
      readonly usr_cpu: number;
      readonly sys_cpu: number;
      readonly mixed: {
        readonly iops: number;
        readonly total_ios: number;
        readonly lat_ns: { readonly percentile?: Readonly<Record<string, number>> };
      };
    },
  ];
}

const NS_PER_US = 1e3;

/**
 * @param output what fio printed; there may be remarks before the JSON
 * @param cpuShare CPUs that it kept busy; undefined where that wasn't seen, then fio's own word counts
 * @param threads of the job
 */
export function parseFio(
  output: string,
  cpuShare: number | undefined,
  threads: number,
): Measurement {
  const { jobs } = JSON.parse(output.slice(output.indexOf("{"))) as FioOutput;
  const [{ mixed, usr_cpu, sys_cpu }] = jobs;
  const cpus = cpuShare ?? ((usr_cpu + sys_cpu) / 100) * threads;
  const percentileUs = (nth: string): number => (mixed.lat_ns.percentile?.[nth] ?? 0) / NS_PER_US;
  return {
    operations: mixed.total_ios,
    opsPerSecond: mixed.iops,
    p50Us: percentileUs("50.000000"),
    p99Us: percentileUs("99.000000"),
    p999Us: percentileUs("99.900000"),
    cpuUsPerOp: (cpus * 1e6) / mixed.iops,
  };
}
