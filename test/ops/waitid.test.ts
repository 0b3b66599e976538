/** waitid: what becomes of children, without taking them from Node. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import type { Client } from "ringpost";
import { afterEach, expect, it, type TestContext } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { needs } from "../support/kernel-operations.js";

const SIGKILL = 9;
const SIGSTOP = 19;
const SIGCONT = 18;

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
});

function sleeper(): ChildProcess & { readonly pid: number } {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  children.push(child);
  if (child.pid === undefined) throw new Error("there is no sleep(1)");
  return child as ChildProcess & { readonly pid: number };
}

/** Looks without a turn of the event loop, in which Node would take an ended child away. */
function awaitWithoutTurn(what: string, holds: () => boolean): void {
  for (const end = Date.now() + SOON_MS; !holds(); ) {
    if (Date.now() > end) throw new Error(`${what}: not within ${SOON_MS} ms`);
  }
}

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;
  const needsWaitid = (context: TestContext): void => needs(context, running.engine, "waitid");

  it("says how a child is stopped and continued", async (context) => {
    needsWaitid(context);
    const { pid, ...child } = { pid: sleeper().pid };
    expect(child).toEqual({});
    const uid = process.getuid?.();
    const stopped = ours().waitid("pid", pid, { states: ["stopped"] });
    process.kill(pid, SIGSTOP);
    expect(await within(SOON_MS, "waitid", stopped)).toEqual({
      ...{ pid, uid, code: "stopped", status: SIGSTOP },
    });
    // Left as it is, it can be asked for again; taken note of, it can't.
    const again = await ours().waitid("pid", pid, { states: ["stopped", "exited"], reap: true });
    expect(again.code).toBe("stopped");
    const late = { states: ["stopped"], timeoutMs: 5 } as const;
    expect((await failureOf(() => ours().waitid("pid", pid, late))).code).toBe("ETIMEDOUT");
    const continued = ours().waitid("pid", pid, { states: ["continued"] });
    process.kill(pid, SIGCONT);
    expect(await within(SOON_MS, "waitid", continued)).toMatchObject({
      ...{ code: "continued", status: SIGCONT },
    });
  });

  it("says how a child ended, and leaves it to Node", async (context) => {
    needsWaitid(context);
    const child = sleeper();
    const exit = once(child, "exit");
    const replied = (): number => running.engine.stats().clients[0]!.replied;
    const before = replied();
    const ended = ours().waitid("pid", child.pid);
    ours().submit();
    process.kill(child.pid, SIGKILL);
    awaitWithoutTurn("waitid", () => replied() > before);
    expect(await within(SOON_MS, "waitid", ended)).toMatchObject({
      ...{ pid: child.pid, code: "killed", status: SIGKILL },
    });
    expect(await within(SOON_MS, "exit", exit)).toEqual([null, "SIGKILL"]);
    expect(fs.existsSync(`/proc/${child.pid}`)).toBe(false);
  });

  it("rejects where there is no such child", async (context) => {
    needsWaitid(context);
    expect(await failureOf(() => ours().waitid("pid", process.pid))).toMatchObject({
      ...{ code: "ECHILD", errno: -10, syscall: "waitid" },
      message: "ECHILD: no child processes, waitid",
    });
    expect((await failureOf(() => ours().waitid("pidfd", 0))).code).toBe("EBADF");
  });

  it("is a step of a chain", async (context) => {
    needsWaitid(context);
    const { pid } = sleeper();
    const chain = ours()
      .chain()
      .waitid("pid", pid, { states: ["stopped"] })
      .timeout(0)
      .run();
    process.kill(pid, SIGSTOP);
    const [state] = await within(SOON_MS, "chain", chain);
    expect(state).toMatchObject({ pid, code: "stopped" });
  });

  it("refuses wrong arguments", async () => {
    const wrong: readonly (readonly [unknown, unknown, unknown, string])[] = [
      ["child", 1, undefined, "ERR_INVALID_ARG_VALUE"],
      [1, 1, undefined, "ERR_INVALID_ARG_VALUE"],
      ["pid", 0, undefined, "ERR_OUT_OF_RANGE"],
      ["pid", "1", undefined, "ERR_INVALID_ARG_TYPE"],
      ["pgid", -1, undefined, "ERR_OUT_OF_RANGE"],
      ["all", 0, { states: [] }, "ERR_INVALID_ARG_VALUE"],
      ["all", 0, { states: ["gone"] }, "ERR_INVALID_ARG_VALUE"],
      ["toString", 0, {}, "ERR_INVALID_ARG_VALUE"],
      ["all", 0, { states: ["exited", "toString"] }, "ERR_INVALID_ARG_VALUE"],
      ["all", 0, { states: "exited" }, "ERR_INVALID_ARG_TYPE"],
      ["all", 0, { reap: 1 }, "ERR_INVALID_ARG_TYPE"],
      ["all", 0, 7, "ERR_INVALID_ARG_TYPE"],
    ];
    for (const [idType, id, options, code] of wrong) {
      const given = [idType as never, id as never, options as never] as const;
      expect((await failureOf(() => ours().waitid(...given))).code).toBe(code);
    }
  });
});
