// What withEngine makes of a pool's options, and which it refuses.
import { availableParallelism } from "node:os";
import type { Engine, EngineHandle } from "ringpost";
import { type PoolOptions, withEngine } from "ringpost/piscina";
import { describe, expect, it } from "vitest";
import { failureOf } from "../support/failures.js";
import { useEngines } from "./pools.js";

const made = useEngines();

/** Of what isn't typed so. */
const failureWith = (engine: unknown, options: unknown) =>
  failureOf(() => withEngine(engine as Engine, options as PoolOptions));

describe("options", () => {
  it("are all passed on, and the handle is added to workerData", async () => {
    const engine = await made.engine();
    const workerData = { path: "/a", nested: { list: [1, 2] } };
    const env = { GREETING: "hello" };
    const given = {
      filename: "/task.js",
      maxThreads: 3,
      idleTimeout: 10,
      argv: ["-x"],
      env,
      workerData,
    };
    const options = withEngine(engine, given);
    expect(options).toEqual({
      ...given,
      workerData: { ...workerData, ringpost: engine.handle() },
    });
    expect(options.env).toBe(env);
    expect(workerData).not.toHaveProperty("ringpost"); // a copy
  });

  it.each([[undefined], [null], [{}], [Object.create(null)]])(
    "may have %o as workerData",
    async (workerData) => {
      const engine = await made.engine();
      expect(withEngine(engine, { workerData }).workerData).toEqual({ ringpost: engine.handle() });
    },
  );

  it("take a handle in the place of its engine", async () => {
    const engine = await made.engine();
    const handle: EngineHandle = structuredClone(engine.handle());
    expect(withEngine(handle, {}).workerData.ringpost).toBe(handle);
  });
});

describe("maxThreads", () => {
  const range = (name: string, seats: number, received: number): string =>
    `The value of "options.${name}" is out of range. It must be <= ${seats}: the engine's maxClients is ${seats + 1}, ` +
    `its own thread being one of them. Received ${received}`;

  it("is at most the engine's maxClients, less its own thread's", async () => {
    const engine = await made.engine({ maxClients: 4 });
    expect(withEngine(engine, { maxThreads: 3, minThreads: 3 }).maxThreads).toBe(3);
    expect(await failureWith(engine, { maxThreads: 4 })).toMatchObject({
      class: "RangeError",
      code: "ERR_OUT_OF_RANGE",
      message: range("maxThreads", 3, 4),
    });
    expect(await failureWith(engine.handle(), { minThreads: 5 })).toMatchObject({
      code: "ERR_OUT_OF_RANGE",
      message: range("minThreads", 3, 5),
    });
  });

  it("is left to the pool, or is what there is room for", async () => {
    const roomy = await made.engine({ maxClients: 2 * availableParallelism() + 1 });
    expect(withEngine(roomy, {})).not.toHaveProperty("maxThreads");
    const narrow = await made.engine({ maxClients: 2 });
    expect(withEngine(narrow, {})).toMatchObject({ maxThreads: 1 });
  });

  it("counts the clients of all rings", async () => {
    const engine = await made.engine({ rings: 4, maxClients: 64 });
    expect(withEngine(engine, { maxThreads: 63 }).maxThreads).toBe(63);
    const { message } = await failureWith(engine, { maxThreads: 64 });
    expect(message).toBe(range("maxThreads", 63, 64));
    const narrow = await made.engine({ rings: 2, maxClients: 2 });
    expect(withEngine(narrow, {})).toMatchObject({ maxThreads: 1 });
    expect(withEngine(narrow, { maxThreads: 1 }).maxThreads).toBe(1);
  });

  it.each([{}, { minThreads: 2 }, { maxThreads: 0.5 }])(
    "has no room in an engine for one client, whatever is asked for: %j",
    async (options) => {
      const engine = await made.engine({ maxClients: 1 });
      expect(await failureWith(engine, options)).toMatchObject({
        ...{ class: "RangeError", code: "ERR_OUT_OF_RANGE" },
        message:
          'The value of "maxClients" is out of range. It must be >= 2 for a pool: ' +
          "the engine's own thread is one of them. Received 1",
      });
    },
  );
});

describe("refuses", () => {
  const type = (name: string, expected: string, received: string) => ({
    class: "TypeError",
    code: "ERR_INVALID_ARG_TYPE",
    message: `The "${name}" ${name.includes(".") ? "property" : "argument"} must be ${expected}. Received ${received}`,
  });
  const engineOr = "an Engine, or the handle of one";
  const plain = "a plain object, since the engine's handle is added to it";

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    [{}, "an instance of Object"],
    ["engine", "type string ('engine')"],
    [7, "type number (7)"],
    [{ memory: new ArrayBuffer(8) }, "an instance of Object"],
    [{ handle: () => undefined }, "an instance of Object"],
  ])("%o as an engine", async (engine, received) => {
    expect(await failureWith(engine, {})).toMatchObject(type("engine", engineOr, received));
  });

  it("a client, a closed engine, and a handle of another version", async () => {
    const engine = await made.engine();
    const handle = engine.handle();
    expect(await failureWith(engine.client, {})).toMatchObject(
      type("engine", engineOr, "an instance of Client"),
    );
    const other = { ...handle, ringpost: handle.ringpost + 1 };
    expect(await failureWith(other, {})).toMatchObject({ code: "ERR_RINGPOST_VERSION" });
    await engine.close();
    expect(await failureWith(engine, {})).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    ["task.js", "type string ('task.js')"],
  ])("%o as options", async (options, received) => {
    const engine = await made.engine();
    const expected = type("options", "of type object", received);
    expect(await failureWith(engine, options)).toMatchObject(expected);
  });

  it.each([
    [7, "type number (7)"],
    ["data", "type string ('data')"],
    [[1, 2], "an instance of Array"],
    [new Map(), "an instance of Map"],
    [Buffer.alloc(1), "an instance of Buffer"],
    [() => 0, "function "],
  ])("%o as workerData, where the handle would have no place", async (workerData, received) => {
    const engine = await made.engine();
    const expected = type("options.workerData", plain, received);
    expect(await failureWith(engine, { workerData })).toMatchObject(expected);
  });

  it("workerData with a handle already", async () => {
    const engine = await made.engine();
    expect(await failureWith(engine, withEngine(engine, {}))).toMatchObject({
      code: "ERR_INVALID_ARG_VALUE",
      message: expect.stringContaining("must be without a property 'ringpost'"),
    });
  });

  it.each([
    ["2", "type string ('2')"],
    [null, "null"],
    [true, "type boolean (true)"],
    [{}, "an instance of Object"],
  ])("%o threads, which a pool would take for a number", async (threads, received) => {
    const engine = await made.engine({ maxClients: 2 });
    for (const name of ["minThreads", "maxThreads"]) {
      const expected = type(`options.${name}`, "of type number", received);
      expect(await failureWith(engine, { [name]: threads })).toMatchObject(expected);
      expect(await failureWith(engine, { [name]: Number.NaN })).toMatchObject({
        ...{ class: "RangeError", code: "ERR_OUT_OF_RANGE" },
        message: `The value of "options.${name}" is out of range. It must be a number. Received NaN`,
      });
    }
  });

  it("workers that are processes", async () => {
    const engine = await made.engine();
    expect(await failureWith(engine, { runtime: "child_process" })).toMatchObject({
      code: "ERR_INVALID_ARG_VALUE",
      message:
        "The property 'options.runtime' must be 'worker_threads', since an engine serves the threads of one process. " +
        "Received 'child_process'",
    });
  });
});
