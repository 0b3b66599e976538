/** On which CPUs the engine's thread may run, and that no other thread is bound. */
import { readdirSync, readFileSync } from "node:fs";
import { Engine, type EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS } from "../support/deadline.js";
import { withPlainCalls } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

/** Which CPUs a thread of this process may run on, as `0-1` or `3`. */
function cpusOf(thread: number): string {
  const status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? "";
}

/** The first and the last CPU of the process. */
const [first = "0", last = first] = cpusOf(process.pid).split(/[-,].*?(?=\d+$)|[-,]/);
const several = first !== last;

/** Where the thread may run that makes system calls in the place of the ring; it is started while the engine is on `engineCpus`. */
async function cpusOfCalls(
  placement: NonNullable<EngineOptions["placement"]>,
  engineCpus: RegExp,
): Promise<string[]> {
  const testing = { withoutOperations: withPlainCalls };
  await using engine = await Engine.start({ placement, testing });
  const bind = async (): Promise<string> => {
    await engine.client.nop(); // asleep again by the next poll, so that a doorbell says where the client is
    return cpusOf(engine.report.thread);
  };
  await expect.poll(bind, { timeout: SOON_MS, interval: 20 }).toMatch(engineCpus);
  await engine.client.stat("/");
  const threads = readdirSync("/proc/self/task").map(Number);
  return threads.filter((thread) => nameOf(thread) === "ringpost-calls").map(cpusOf);
}

const nameOf = (thread: number): string =>
  readFileSync(`/proc/self/task/${thread}/comm`, "utf8").trim();

/** A load that is now and then busy, with pauses in which the engine sleeps. */
async function work({ client }: Engine): Promise<void> {
  for (let burst = 0; burst < 5; burst++) {
    const end = performance.now() + 60;
    while (performance.now() < end) await Promise.all([client.nop(), client.nop(), client.nop()]);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** CPUs of all threads but the engine's, which come and go. */
function cpusOfOthers(engine: Engine): Set<string> {
  const threads = readdirSync("/proc/self/task").map(Number);
  return new Set(threads.filter((thread) => thread !== engine.report.thread).map(cpusOf));
}

async function placed(placement: NonNullable<EngineOptions["placement"]>): Promise<string> {
  await using engine = await Engine.start({ placement });
  const before = cpusOfOthers(engine);
  await work(engine);
  expect(cpusOfOthers(engine)).toEqual(before);
  return cpusOf(engine.report.thread);
}

it("a list binds the engine to its CPUs", async () => {
  expect(await placed([Number(last)])).toBe(last);
  expect(await placed([Number(first), Number(first)])).toBe(first);
});

it("float leaves it where the system puts it", async () => {
  expect(await placed("float")).toBe(cpusOf(process.pid));
});

describe.runIf(several)("on several CPUs", () => {
  it("colocate binds it to one of them, which is the client's", async () => {
    expect(await placed("colocate")).toMatch(/^\d+$/);
  });

  it("spread keeps it off the client's", async () => {
    expect(await placed("spread")).not.toBe(cpusOf(process.pid));
  });

  it("auto binds an idle engine to the client's, and moves it as it is busy", async () => {
    await using engine = await Engine.start({ placement: "auto" });
    for (let nth = 0; nth < 20; nth++) {
      await engine.client.nop();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(cpusOf(engine.report.thread)).toMatch(/^\d+$/);
    await work(engine);
  });
});

describe("system calls in the place of the ring may run where the engine may", () => {
  it.runIf(several)("not where it is bound just now", async () => {
    expect(await cpusOfCalls("colocate", /^\d+$/)).toEqual([cpusOf(process.pid)]);
  });

  it("in a list, that is", async () => {
    expect(await cpusOfCalls([Number(last)], new RegExp(`^${last}$`))).toEqual([last]);
  });
});

it("a list with a CPU that isn't of the process rejects, and says so", async () => {
  for (const placement of [[1023], [Number(first), 1023]]) {
    const failure = await failureOf(() => Engine.start({ placement }));
    expect(failure).toMatchObject({ code: "ERR_RINGPOST_UNAVAILABLE", errno: -22 });
    expect(failure).toMatchObject({ message: expect.stringMatching(/options\.placement names a/) });
  }
});
