// How many workers a pool has at most on a machine with 8 CPUs: a share of them, or what the pool has by itself.
import { expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";

async function onEightCpus(cases: readonly object[]): Promise<unknown[]> {
  const fixture = new URL("fixtures/eight-cpus.mjs", import.meta.url);
  const ending = await runProgram(fixture, { args: [JSON.stringify(cases)] });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  return JSON.parse(ending.stdout);
}

it("a share of the CPUs is as many workers as tinypool makes of it", async () => {
  const minThreads = 1;
  const told = await onEightCpus([
    { seats: 3, minThreads, maxThreads: 0.5 },
    { seats: 3, minThreads: 0.5 },
    { seats: 3, minThreads, maxThreads: 0.4 },
    { seats: 3, minThreads, maxThreads: 0.01 },
  ]);
  const refused = (name: string) => ({
    code: "ERR_OUT_OF_RANGE",
    message:
      `The value of "options.${name}" is out of range. It must be <= 3 (of 8 CPUs 0.5 is 4): ` +
      "the engine's maxClients is 4, its own thread being one of them. Received 0.5",
  });
  expect(told).toEqual([
    refused("maxThreads"),
    refused("minThreads"),
    { tinypool: 3 },
    { tinypool: 1 },
  ]);
});

it("a pool that is given none has no more than by itself, and no more than there is room for", async () => {
  const minThreads = 1;
  const told = await onEightCpus([
    { seats: 12, minThreads },
    { seats: 10, minThreads },
    { seats: 5, minThreads },
    { seats: 10, minThreads: 9 },
  ]);
  expect(told).toEqual([
    { tinypool: 8, piscina: 12 },
    { tinypool: 8, piscina: 8 },
    { tinypool: 5, piscina: 5 },
    { tinypool: 9, piscina: 9 },
  ]);
});
