/**
 * With submit "manual" or a threshold, an operation of several requests hung where a later one had to wait for a credit; and a request
 * that hadn't left had no clock.
 */
import fs from "node:fs";
import type { EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

const MODES: readonly NonNullable<EngineOptions["submit"]>[] = ["manual", { threshold: 4 }];

describe.each(MODES)("submit: %j", (submit) => {
  it("the further requests of an operation leave, however many others wait", () =>
    withEngine({ submit, credits: 2 }, async ({ client }) => {
      const whole = client.readFile(dir().file(Buffer.alloc(300_000, "x")));
      const others = Array.from({ length: 6 }, () => client.timeout(5));
      client.submit();
      expect(await within(SOON_MS, "the file", whole)).toHaveLength(300_000);
      await within(SOON_MS, "the others", Promise.all(others));
    }));

  it("they leave where what isn't submitted has all credits", () =>
    withEngine({ submit, credits: 2 }, async ({ client }) => {
      const path = dir().file(Buffer.alloc(300_000, "x"));
      const whole = client.readFile(path);
      const cut = client.truncate(path, 300_000);
      client.submit();
      const others = Array.from({ length: 3 }, () => client.nop());
      await within(SOON_MS, "the file", Promise.all([whole, cut]));
      client.submit();
      await within(SOON_MS, "the others", Promise.all(others));
    }));

  it("a request that hasn't left when its time is over says so, and isn't carried out", () =>
    withEngine({ submit }, async ({ client }) => {
      const folder = dir().fresh();
      const made = failureOf(() => client.mkdir(folder, { timeoutMs: 20 }));
      expect(await within(SOON_MS, "the mkdir", made)).toMatchObject({ code: "ETIMEDOUT" });
      expect(fs.existsSync(folder)).toBe(false);
      const path = dir().file("kept");
      const written = failureOf(() => client.writeFile(path, "lost", { timeoutMs: 20 }));
      expect(await within(SOON_MS, "the writeFile", written)).toMatchObject({ code: "ETIMEDOUT" });
      expect(fs.readFileSync(path, "utf8")).toBe("kept");
      const [from, to] = await submitted(client, client.pipe());
      const read = failureOf(() => client.read(from, Buffer.alloc(1), { timeoutMs: 20 }));
      expect(await within(SOON_MS, "the read", read)).toMatchObject({ code: "ETIMEDOUT" });
      fs.closeSync(from);
      fs.closeSync(to);
    }));
});

function submitted<T>(client: { submit(): void }, work: Promise<T>): Promise<T> {
  client.submit();
  return within(SOON_MS, "the request", work);
}

it("manual: what was posted after a submit stays, even where something before it was aborted while it waited", () =>
  withEngine({ submit: "manual", credits: 2 }, async ({ client }) => {
    const stop = new AbortController();
    const before = [client.timeout(20), client.timeout(20)];
    const aborted = failureOf(() => client.nop({ signal: stop.signal }));
    client.submit();
    stop.abort();
    expect(await within(SOON_MS, "the abort", aborted)).toMatchObject({ code: "ABORT_ERR" });
    const path = dir().fresh();
    const written = client.writeFile(path, "x");
    await within(SOON_MS, "those before", Promise.all(before));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fs.existsSync(path)).toBe(false);
    client.submit();
    await within(SOON_MS, "the file", written);
  }));

it("manual: what waited when it was submitted leaves, also where a reply's continuation submits it", () =>
  withEngine({ submit: "manual", credits: 4 }, async ({ client }) => {
    const [from, to] = await submitted(client, client.pipe());
    const stop = new AbortController();
    const poll = () => failureOf(() => client.poll(from, 1, { signal: stop.signal }));
    const polls = [poll(), poll()]; // these keep their slots
    const first = [client.timeout(5), client.timeout(30)];
    const waiting = client.nop();
    client.submit();
    const later = client.nop();
    await within(SOON_MS, "the first", first[0]!);
    client.submit();
    await within(SOON_MS, "the rest", Promise.all([first[1], waiting, later]));
    stop.abort();
    await within(SOON_MS, "the polls", Promise.all(polls));
    fs.closeSync(from);
    fs.closeSync(to);
  }));

it("manual: the longest timeout sends nothing", () =>
  withEngine({ submit: "manual" }, async (engine) => {
    const nop = engine.client.nop({ timeoutMs: 2 ** 31 - 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(engine.stats().posted).toBe(0);
    await submitted(engine.client, nop);
  }));
