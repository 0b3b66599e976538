import { expect, test } from "vitest";
import { contenders, parseRival, type Rival, rivalName } from "./rivals.js";
import { nearest, poolingTrial, rivalsOf } from "./trial.js";
import { workloadNames } from "./workloads.js";

test("a rival's name says all about it", () => {
  const rivals = contenders.flatMap((contender): Rival[] => [
    { contender },
    { contender, workers: 1 },
    { contender, workers: 8, threadPoolSize: 16 },
  ]);
  for (const rival of rivals) expect(parseRival(rivalName(rival))).toEqual(rival);
  expect(new Set(rivals.map(rivalName)).size).toBe(rivals.length);
  expect(() => parseRival("abacus; 4 workers")).toThrow("There is no rival abacus; 4 workers");
});

test("pools come with each number of workers, tinypool with one, the main thread with none", () => {
  const rivals = rivalsOf("reads", { contenders, workers: [1, 3, 8], threadPoolSize: 16 });
  const workersOf = (contender: string): (number | undefined)[] =>
    rivals.filter((rival) => rival.contender === contender).map(({ workers }) => workers);
  for (const contender of ["sync", "promises", "tuned", "shared"]) {
    expect(workersOf(contender)).toEqual([1, 3, 8]);
  }
  expect(workersOf("tinypool")).toEqual([3]);
  expect(workersOf("main")).toEqual([undefined]);
  expect(workersOf("copied")).toEqual([]);
});

test("there is no tuned rival without a size", () => {
  const rivals = rivalsOf("hash", { contenders: ["tuned", "main"], workers: [1] });
  expect(rivals).toEqual([{ contender: "main" }]);
});

test("of two that are as near, the smaller number is the nearest", () => {
  expect(nearest([8, 2, 6], 4)).toBe(2);
  expect(nearest([1, 8], 4)).toBe(1);
  expect(nearest([], 4)).toBe(4);
});

test("the size of libuv's pool is in the environment of the tuned alone", () => {
  const rivals: Rival[] = [
    { contender: "promises", workers: 4 },
    { contender: "tuned", workers: 4, threadPoolSize: 16 },
  ];
  const trial = poolingTrial("reads", rivals);
  expect(trial.rivals.map((rival) => trial.environmentOf?.(rival, {}))).toEqual([
    {},
    { UV_THREADPOOL_SIZE: "16" },
  ]);
});

test("every workload has rivals, and ringpost among them", () => {
  for (const workload of workloadNames) {
    const trial = poolingTrial(workload, rivalsOf(workload, { contenders, workers: [4] }));
    expect(trial.rivals.length).toBeGreaterThan(trial.ours.length);
    expect(trial.ours).toContain("ringpost, main thread");
  }
});
