/** Wrong options of the engine, and handles that are none. */
import { connect, Engine, type EngineHandle, type EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { connectSoon } from "../support/connecting.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

const WRONG_TYPE = { class: "TypeError", name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
const WRONG_VALUE = { class: "TypeError", name: "TypeError", code: "ERR_INVALID_ARG_VALUE" };
const WRONG_RANGE = { class: "RangeError", name: "RangeError", code: "ERR_OUT_OF_RANGE" };

const range = (name: string, range: string, received: string) =>
  `The value of "options.${name}" is out of range. It must be ${range}. Received ${received}`;
const type = (name: string, received: string, expected = "number") =>
  `The "options.${name}" property must be of type ${expected}. Received ${received}`;

describe("Engine.start", () => {
  const table: readonly (readonly [options: object, failure: object, message: string])[] = [
    [{ maxClients: 0 }, WRONG_RANGE, range("maxClients", ">= 1 && <= 512", "0")],
    [{ maxClients: 513 }, WRONG_RANGE, range("maxClients", ">= 1 && <= 512", "513")],
    [{ maxClients: 1.5 }, WRONG_RANGE, range("maxClients", "an integer", "1.5")],
    [{ maxClients: "4" }, WRONG_TYPE, type("maxClients", "type string ('4')")],
    [{ maxClients: null }, WRONG_TYPE, type("maxClients", "null")],
    [{ credits: 1 }, WRONG_RANGE, range("credits", ">= 2 && <= 4096", "1")],
    [{ credits: 3 }, WRONG_RANGE, range("credits", "a power of two", "3")],
    [{ credits: 8192 }, WRONG_RANGE, range("credits", ">= 2 && <= 4096", "8192")],
    [{ credits: 16n }, WRONG_TYPE, type("credits", "type bigint (16n)")],
    [{ queueLimit: -1 }, WRONG_RANGE, range("queueLimit", ">= 0 && <= 9007199254740991", "-1")],
    [{ queueLimit: Number.NaN }, WRONG_RANGE, range("queueLimit", "an integer", "NaN")],
    [{ queueLimit: true }, WRONG_TYPE, type("queueLimit", "type boolean (true)")],
    [{ entries: 0 }, WRONG_RANGE, range("entries", ">= 1 && <= 32768", "0")],
    [{ entries: 2 ** 20 }, WRONG_RANGE, range("entries", ">= 1 && <= 32768", "1048576")],
    [{ iopoll: "yes" }, WRONG_TYPE, type("iopoll", "type string ('yes')", "boolean")],
    [{ hotReads: 1 }, WRONG_TYPE, type("hotReads", "type number (1)", "boolean")],
    [
      { wait: "spin" },
      WRONG_VALUE,
      "The property 'options.wait' must be 'notify', 'poll' or 'auto'. Received 'spin'",
    ],
    [
      { placement: "near" },
      WRONG_VALUE,
      "The property 'options.placement' must be 'auto', 'float', 'colocate', 'spread' or a list of CPUs. Received 'near'",
    ],
    [
      { placement: [] },
      WRONG_VALUE,
      "The property 'options.placement' must be 'auto', 'float', 'colocate', 'spread' or a list of CPUs. Received []",
    ],
    [{ placement: [0, -1] }, WRONG_RANGE, range("placement[1]", ">= 0 && <= 1023", "-1")],
    [{ placement: ["0"] }, WRONG_TYPE, type("placement[0]", "type string ('0')")],
    [{ deferTaskrun: 1 }, WRONG_TYPE, type("deferTaskrun", "type number (1)", "boolean")],
    [
      { maxClients: 2, credits: 4, completionEntries: 16 },
      WRONG_RANGE,
      range("completionEntries", ">= 256 && <= 65536", "16"), // as many as entries
    ],
    [
      { completionEntries: 32_775 },
      WRONG_RANGE,
      range("completionEntries", ">= 32776 && <= 65536", "32775"),
    ],
    [
      { completionEntries: 65_537 },
      WRONG_RANGE,
      range("completionEntries", ">= 32776 && <= 65536", "65537"),
    ],
    [{ completionEntries: "1" }, WRONG_TYPE, type("completionEntries", "type string ('1')")],
    [
      { maxClients: 512, credits: 4096 },
      WRONG_RANGE,
      range("maxClients * options.credits", "<= 32764", "2097152"),
    ],
  ];
  it.each(table)("with %o rejects", async (options, failure, message) => {
    expect(await failureOf(() => Engine.start(options))).toMatchObject({ ...failure, message });
  });

  it.each(["kernel", "threads", 5, null, {}])("with backend %j rejects", async (backend) => {
    const options = { backend } as unknown as EngineOptions;
    expect(await failureOf(() => Engine.start(options))).toMatchObject(WRONG_VALUE);
  });

  it.each([null, 5, "auto", true])("with options %j rejects", async (options) => {
    const failure = await failureOf(() => Engine.start(options as unknown as EngineOptions));
    expect(failure).toMatchObject({
      ...WRONG_TYPE,
      message: expect.stringMatching(/^The "options"/),
    });
  });

  it.each([{ graceMs: -1 }, { graceMs: 1.5 }, { graceMs: 2 ** 31 }, { graceMs: Number.NaN }])(
    "gives an engine that refuses to close with %j, and stays open",
    async (options) => {
      const engine = await Engine.start();
      expect(await failureOf(() => engine.close(options))).toMatchObject(WRONG_RANGE);
      expect(await failureOf(() => engine.client.disconnect(options))).toMatchObject(WRONG_RANGE);
      await engine.client.nop();
      await engine.close();
    },
  );

  it("takes the least and the most", async () => {
    for (const options of [
      { maxClients: 1, credits: 2, queueLimit: 0, entries: 1 },
      { maxClients: 4, credits: 4096, entries: 32_768 },
      { maxClients: 512, credits: 32 },
      { completionEntries: 65_536 },
      { maxClients: 1, credits: 2, entries: 5, completionEntries: 12 },
    ] satisfies EngineOptions[]) {
      const engine = await Engine.start(options);
      await engine.client.nop();
      await engine.close();
    }
  });
});

describe("connect", () => {
  const running = useEngine({ maxClients: 2 });
  const connectWith = (handle: unknown) => failureOf(() => connect(handle as EngineHandle));

  it.each([undefined, null, 5, "handle", true, {}, [], { memory: new ArrayBuffer(8) }])(
    "with %j rejects",
    async (handle) => {
      expect(await connectWith(handle)).toMatchObject(WRONG_TYPE);
    },
  );

  it("with the handle of another version rejects", async () => {
    const handle = { ...running.engine.handle(), ringpost: 1 };
    expect(await connectWith(handle)).toMatchObject({ code: "ERR_RINGPOST_VERSION" });
  });

  // As is one of another copy of ringpost in this process, whose engines are numbered from 1, too.
  it("with the memory of another engine rejects, and takes no seat", async () => {
    await using other = await Engine.start({ maxClients: 2 });
    const { memory } = other.handle();
    const handle = { ...running.engine.handle(), memory };
    for (let nth = 0; nth < 3; nth++) {
      expect(await connectWith(handle)).toMatchObject({ code: "ERR_RINGPOST_VERSION" });
    }
    const client = await connect(running.engine.handle());
    await client.disconnect();
  });

  it.each([0, 4_000_000_000, -1, 1.5, "1", undefined, null, {}])(
    "with engine %j, which isn't there, rejects",
    async (engine) => {
      const { code } = await connectWith({ ...running.engine.handle(), engine });
      expect(["ERR_RINGPOST_CLOSED", "ERR_INVALID_ARG_TYPE"]).toContain(code);
    },
  );

  it.each([0, 8, 4096, 8192])(
    "with memory of %d bytes, which is no engine's, rejects, and takes no seat",
    async (bytes) => {
      const handle = { ...running.engine.handle(), memory: new SharedArrayBuffer(bytes) };
      expect((await connectWith(handle)).code).toMatch(/^ERR_/);
      const client = await connectSoon(running.engine);
      await client.nop();
      await client.disconnect();
    },
  );

  it.each([-1, 1.5, "many", null, undefined])("with queueLimit %j rejects", async (queueLimit) => {
    const { code } = await connectWith({ ...running.engine.handle(), queueLimit });
    expect(code).toMatch(/^ERR_/);
  });

  it("where all seats are taken rejects with EAGAIN, and the cure", async () => {
    const engine = await Engine.start({ maxClients: 1 });
    expect(await failureOf(() => connect(engine.handle()))).toMatchObject({
      code: "EAGAIN",
      errno: -11,
      message: expect.stringContaining("maxClients"),
    });
    await engine.close();
  });
});
