/** `submit`: when requests leave for the engine. */
import fs from "node:fs";
import { connect, Engine, type EngineOptions, opened } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const postedOf = (engine: Engine): number => engine.stats().posted;

it("manual: nothing leaves before submit", () =>
  withEngine({ submit: "manual" }, async (engine) => {
    const work = [engine.client.nop(), engine.client.stat("/"), engine.client.nop()];
    await pause();
    expect(postedOf(engine)).toBe(0);
    engine.client.submit();
    await within(SOON_MS, "all", Promise.all(work));
    expect(postedOf(engine)).toBe(3);
  }));

it("manual: one submit sends what waits for a slot, too, and nothing that is posted later", () =>
  withEngine({ submit: "manual", credits: 4 }, async (engine) => {
    const work = Array.from({ length: 1000 }, () => engine.client.nop());
    engine.client.submit();
    const late = engine.client.nop();
    await within(SOON_MS, "all", Promise.all(work));
    await pause();
    expect(engine.stats().settled).toBe(1000);
    engine.client.submit();
    await within(SOON_MS, "late", late);
  }));

it("manual: chains, whole files and leases work, in other threads' clients, too", () =>
  withEngine({ submit: "manual" }, async (engine) => {
    const client = await connect(engine.handle());
    const path = dir().file(Buffer.alloc(300_000, "x"));
    const buffer = client.lease(4096).buffer;
    const work = [client.readFile(path), client.chain().open(path).read(opened, buffer).run()];
    client.submit();
    const [whole] = await within(SOON_MS, "all", Promise.all(work));
    expect(whole).toHaveLength(300_000);
    expect(buffer[0]).toBe(0x78);
    await client.close();
  }));

it("manual: one submit is enough for a method that makes several requests", () =>
  withEngine({ submit: "manual" }, async ({ client }) => {
    const [folder, path] = [dir().fresh(), dir().file("12345678")];
    const value = Buffer.alloc(2000, "v"); // longer than getxattr first asks for
    const set = client.setxattr(path, "user.long", value);
    client.submit();
    await within(SOON_MS, "setxattr", set);
    const work = [
      client.mkdir(`${folder}/a/b`, { recursive: true }),
      client.mkdir(dir().path, { recursive: true }),
      client.getxattr(path, "user.long"),
    ] as const;
    client.submit();
    const [made, there, got] = await within(SOON_MS, "all", Promise.all(work));
    expect([made, there, got.equals(value)]).toEqual([folder, undefined, true]);
  }));

it("threshold: leaves when so many are posted, or by submit", () =>
  withEngine({ submit: { threshold: 5 } }, async (engine) => {
    const four = Array.from({ length: 4 }, () => engine.client.nop());
    await pause();
    expect(postedOf(engine)).toBe(0);
    const fifth = engine.client.nop();
    await within(SOON_MS, "five", Promise.all([...four, fifth]));
    const one = engine.client.nop();
    await pause();
    expect(postedOf(engine)).toBe(5);
    engine.client.submit();
    await within(SOON_MS, "one", one);
  }));

it("threshold: leaves when there is no slot left to reach it", () =>
  withEngine({ submit: { threshold: 100 }, credits: 2 }, async (engine) => {
    const work = Array.from({ length: 50 }, () => engine.client.nop());
    await within(SOON_MS, "all", Promise.all(work));
  }));

it("a cancellation, and closing, send what is posted", () =>
  withEngine({ submit: "manual" }, async (engine) => {
    const control = new AbortController();
    const nop = engine.client.nop();
    const failure = failureOf(() => engine.client.stat("/", { signal: control.signal }));
    control.abort();
    await within(SOON_MS, "nop", nop);
    await within(
      SOON_MS,
      "stat",
      failure.catch(() => undefined),
    ); // cancelled, or done by then
    const path = dir().fresh();
    const written = engine.client.writeFile(path, "kept");
    await within(SOON_MS, "close", engine.close());
    await written;
    expect(fs.readFileSync(path, "utf8")).toBe("kept");
  }));

it.each([
  [{ submit: "later" }, "ERR_INVALID_ARG_VALUE"],
  [{ submit: 5 }, "ERR_INVALID_ARG_VALUE"],
  [{ submit: null }, "ERR_INVALID_ARG_VALUE"],
  [{ submit: {} }, "ERR_INVALID_ARG_TYPE"],
  [{ submit: { threshold: 0 } }, "ERR_OUT_OF_RANGE"],
])("refuses %j", async (options, code) => {
  expect(await failureOf(() => Engine.start(options as EngineOptions))).toMatchObject({ code });
});
