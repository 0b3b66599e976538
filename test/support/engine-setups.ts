/** The ring set-ups that every operation is tried on, from the best that the kernel has to what the oldest one had. */
import { SubmitMode } from "@ringpost/client";
import { type Operation, operations, ringOperations } from "@ringpost/protocol";
import { type Client, Engine, type EngineOptions } from "ringpost";
import { afterAll, beforeAll, describe, expect } from "vitest";

/** IORING_SETUP_* of include/uapi/linux/io_uring.h. */
export const SetupFlag = {
  SQPOLL: 1 << 1,
  SQ_AFF: 1 << 2,
  CQSIZE: 1 << 3,
  CLAMP: 1 << 4,
  R_DISABLED: 1 << 6,
  SUBMIT_ALL: 1 << 7,
  COOP_TASKRUN: 1 << 8,
  SINGLE_ISSUER: 1 << 12,
  DEFER_TASKRUN: 1 << 13,
  NO_SQARRAY: 1 << 16,
} as const;

/** IORING_FEAT_* of the same header. */
export const Feature = {
  EXT_ARG: 1 << 8,
  RSRC_TAGS: 1 << 10,
  MIN_TIMEOUT: 1 << 15,
  NO_IOWAIT: 1 << 17,
} as const;

/** Two steps before the indexes of all rings wrap around. */
export const INDEX_BEFORE_WRAP = 0xffff_fffe;

/** IORING_OP_* of all operations that the engine makes do without. */
export const withPlainCalls: readonly number[] = Object.values<Operation>(operations)
  .filter(({ fallback }) => fallback === "system call")
  .flatMap(({ submits }) => submits.map((name) => ringOperations[name]));

/** Every method by name. */
const allMethods: readonly string[] = Object.values<Operation>(operations).flatMap(({ call }) =>
  [...call.matchAll(/(\w+)\(/g)].map(([, method]) => method!),
);

export interface EngineSetup {
  readonly title: string;
  readonly options: EngineOptions;
  /** Requests of the engine's client leave with `submit()` alone, which is called each millisecond. */
  readonly isManual?: boolean;
}

const allSetups: readonly EngineSetup[] = [
  { title: "default", options: {} },
  { title: "reads of cached data by the client itself", options: { hotReads: true } },
  {
    title: "without DEFER_TASKRUN, many completion entries",
    options: { deferTaskrun: false, completionEntries: 65_536 },
  },
  {
    title: "as an old kernel",
    options: {
      testing: {
        withoutSetupFlags:
          SetupFlag.SUBMIT_ALL |
          SetupFlag.COOP_TASKRUN |
          SetupFlag.SINGLE_ISSUER |
          SetupFlag.DEFER_TASKRUN |
          SetupFlag.NO_SQARRAY,
        withoutFeatures: Feature.EXT_ARG | Feature.RSRC_TAGS,
      },
    },
  },
  {
    title: "as a kernel without newer operations",
    options: { testing: { withoutOperations: withPlainCalls } },
  },
  // With the shortest idle time its threads sleep and wake up all the time.
  { title: "a submission thread", options: { sqpoll: { idleMs: 1, cpu: 0 } } },
  { title: "an allow-list of everything", options: { operations: allMethods } },
  // Polled are transfers past the page cache alone: test/ops/iopoll.test.ts.
  { title: "iopoll", options: { iopoll: true } },
  {
    title: "limited workers, waits for several, a threshold",
    options: {
      kernelWorkers: { bounded: 2, unbounded: 3 },
      minWait: { completions: 4, us: 500 },
      submit: { threshold: 1 },
    },
  },
  { title: "two rings", options: { rings: 2 } },
  { title: "manual submission", options: { submit: "manual" }, isManual: true },
  { title: "tiny rings", options: { credits: 2, entries: 1 } },
  {
    title: "indexes near 2^32",
    options: { credits: 4, entries: 2, testing: { initialIndex: INDEX_BEFORE_WRAP } },
  },
];

/** RINGPOST_SETUP picks one by its title: `npm run test:iopoll` runs the table in a guest, where all would take long. */
export const engineSetups: readonly EngineSetup[] = allSetups.filter(
  ({ title }) => title === (process.env.RINGPOST_SETUP ?? title),
);

/** The engine of the tests around; there from the first test to the last. */
export interface RunningEngine {
  readonly engine: Engine;
  readonly client: Client;
  /** What it was started with. */
  readonly options: EngineOptions;
}

/** Starts an engine for the tests of the enclosing `describe`, and closes it after them. All reads go through it, unless they ask for hot ones. */
export function useEngine(options: EngineOptions = {}): RunningEngine {
  let started: Engine | undefined;
  beforeAll(async () => {
    started = await Engine.start({ hotReads: false, ...options });
  });
  afterAll(async () => {
    const engine = started;
    started = undefined;
    await engine?.close();
  });
  const engine = (): Engine => {
    if (started === undefined) throw new Error("The engine runs only during the tests");
    return started;
  };
  return {
    options,
    get engine() {
      return engine();
    },
    get client() {
      return engine().client;
    },
  };
}

/** The program's part, where nothing leaves by itself. Other clients of the tests aren't told of it, and need it not. */
function submitAllTheTime(running: RunningEngine): void {
  let timer: NodeJS.Timeout | undefined;
  beforeAll(() => {
    const { engine, client } = running;
    const handle = engine.handle();
    engine.handle = () => ({ ...handle, submit: SubmitMode.AUTO });
    timer = setInterval(() => client.submit(), 1);
  });
  afterAll(() => clearInterval(timer));
}

/** Runs the same tests on every set-up; after them, every request must have had exactly one reply. */
export function describeOnEngineSetups(
  tests: (running: RunningEngine) => void,
  changed: EngineOptions = {},
): void {
  describe.each(engineSetups)("$title", ({ options, isManual = false }) => {
    const running = useEngine({ ...options, ...changed });
    if (isManual) submitAllTheTime(running);
    tests(running);
    afterAll(() => {
      for (const client of running.engine.stats().clients) {
        expect(client.settled).toBe(client.posted);
        expect(client.lateReplies).toBe(0);
      }
    });
  });
}
