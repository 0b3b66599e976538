import { describe, expect, it } from "vitest";
import { OUTCOMES, total } from "./outcomes.js";
import { runProgram } from "./run-program.js";

interface Report {
  readonly main: Record<string, number>;
  readonly worker: Record<string, number>;
}

async function closeInFlight(what: string, load: string, graceMs: number): Promise<Report> {
  const ending = await runProgram("close-in-flight", { args: [what, load, graceMs] });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  const { main, worker, ...rest } = JSON.parse(ending.stdout);
  expect(rest).toEqual({ refused: "ERR_RINGPOST_CLOSED", leaked: {} });
  return { main, worker };
}

describe.concurrent.each(["client", "engine"])("close() of the %s", (what) => {
  // The grace is longer than the program's deadline: who waits for its end where all is done is late.
  it.each(["file-read", "direct-read", "readv", "write"])(
    "lets 500 requests of each thread finish, and no longer: %s",
    async (load) => {
      const { main, worker } = await closeInFlight(what, load, 60_000);
      expect(main).toEqual({ resolved: 500 });
      expect(worker).toEqual({ resolved: 500 });
    },
  );

  it.each(["pipe-read", "socket-read", "fifo-open"])(
    "cancels 500 requests of each thread that would not finish: %s",
    async (load) => {
      const { main, worker } = await closeInFlight(what, load, 100);
      expect(main).toEqual({ ECANCELED: 500 });
      expect(worker).toEqual({ ECANCELED: 500 });
    },
  );

  it("finishes or cancels a mixture of 500 requests of each thread", async () => {
    const { main, worker } = await closeInFlight(what, "mixed", 500);
    expect(main).toEqual({ resolved: 334, ECANCELED: 166 });
    expect(worker).toEqual({ resolved: 334, ECANCELED: 166 });
  });

  it.each(["read-whole", "write", "mixed"])(
    "without grace settles 500 requests of each thread: %s",
    async (load) => {
      for (const counts of Object.values(await closeInFlight(what, load, 0))) {
        expect(total(counts)).toBe(500);
        expect(OUTCOMES).toEqual(expect.arrayContaining(Object.keys(counts)));
      }
    },
  );
});
