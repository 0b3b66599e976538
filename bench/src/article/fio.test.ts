import { expect, test } from "vitest";
import { type FioJob, fioArguments, parseFio } from "./fio.js";
import { cpuShare } from "./run-fio.js";

const job: FioJob = {
  engine: "io_uring",
  args: ["--fixedbufs=1"],
  path: "/data",
  fileBytes: 2 ** 30,
  cell: { blockBytes: 16_384, depth: 8, direct: true },
  seed: 5,
  warmUpMs: 100,
  measureMs: 1000,
};

test("fio is told the same work", () => {
  expect(fioArguments(job)).toEqual(
    expect.arrayContaining([
      "--filename=/data",
      "--size=1073741824",
      "--rwmixread=75",
      "--bs=16384",
      "--direct=1",
      "--ioengine=io_uring",
      "--fixedbufs=1",
      "--numjobs=1",
      "--iodepth=8",
      "--ramp_time=100ms",
      "--runtime=1000ms",
      "--randseed=5",
      "--invalidate=0",
    ]),
  );
});

test("an engine that blocks has threads instead of a depth", () => {
  const cell = { ...job.cell, direct: false };
  const args = fioArguments({ ...job, engine: "psync", args: [], cell });
  expect(args).toEqual(expect.arrayContaining(["--numjobs=8", "--direct=0", "--thread=1"]));
  expect(args.join(" ")).not.toContain("iodepth");
});

const output = `fio: a remark\n${JSON.stringify({
  jobs: [
    {
      usr_cpu: 5,
      sys_cpu: 15,
      mixed: {
        iops: 20_000,
        total_ios: 19_998,
        lat_ns: {
          percentile: { "50.000000": 300_000, "99.000000": 900_000, "99.900000": 2_000_000 },
        },
      },
    },
  ],
})}`;

test("what fio says becomes a measurement, with the CPU that was seen", () => {
  expect(parseFio(output, 0.5, 1)).toEqual({
    operations: 19_998,
    opsPerSecond: 20_000,
    p50Us: 300,
    p99Us: 900,
    p999Us: 2000,
    cpuUsPerOp: 25,
  });
});

test("where none was seen, fio's own word counts, for all its threads", () => {
  expect(parseFio(output, undefined, 8).cpuUsPerOp).toBe((0.2 * 8 * 1e6) / 20_000);
});

test("CPU is taken from the middle of the measurement, the last thing that fio does", () => {
  // A busy start, then half a CPU for 1000 ms.
  const samples = Array.from({ length: 31 }, (_, nth) => ({
    at: nth * 50,
    cpuNs: nth * 50 < 500 ? nth * 50e6 : 500e6 + (nth * 50 - 500) * 0.5e6,
  }));
  expect(cpuShare(samples, 1000)).toBeCloseTo(0.5);
  expect(cpuShare(samples.slice(0, 1), 1000)).toBeUndefined();
  expect(cpuShare([], 1000)).toBeUndefined();
});
