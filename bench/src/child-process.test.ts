import { expect, test } from "vitest";
import { runInChild } from "./child-process.js";
import type { Task } from "./trial.js";

/** The built one: a child runs what users run. */
const entry = new URL("../dist/child.js", import.meta.url);
const TIMEOUT_MS = 30_000;

const quickTask: Task = {
  trial: "idle",
  rival: "no engine",
  parameters: {},
  folder: "",
  seed: 1,
  warmUpMs: 0,
  measureMs: 1,
};
const longTask: Task = { ...quickTask, measureMs: 600_000 };

test("the answer comes back", { timeout: TIMEOUT_MS }, async () => {
  const answer = await runInChild({ entry, task: quickTask, deadlineMs: TIMEOUT_MS });
  expect(answer).toEqual({ processCpuUsPerSecond: expect.any(Number) });
});

test("a failure comes back", { timeout: TIMEOUT_MS }, async () => {
  const task = { ...quickTask, trial: "none" };
  const answer = runInChild({ entry, task, deadlineMs: TIMEOUT_MS });
  await expect(answer).rejects.toThrow("No trial is called none");
});

test("a child that takes too long is killed", { timeout: TIMEOUT_MS }, async () => {
  const answer = runInChild({ entry, task: longTask, deadlineMs: 100 });
  await expect(answer).rejects.toThrow("took longer than 100 ms");
});

test("an abort kills the child", { timeout: TIMEOUT_MS }, async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  const { signal } = abort;
  const answer = runInChild({ entry, task: longTask, deadlineMs: TIMEOUT_MS, signal });
  setTimeout(() => abort.abort(reason), 100);
  await expect(answer).rejects.toBe(reason);
});

test("a child has what its environment is to have", { timeout: TIMEOUT_MS }, async () => {
  const answer = runInChild({
    entry,
    task: quickTask,
    environment: { NODE_OPTIONS: "--no-such-option" },
    deadlineMs: TIMEOUT_MS,
  });
  await expect(answer).rejects.toThrow("ended with code 9"); // Node's own, for bad arguments
});
