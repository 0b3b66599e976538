/**
 * The open of a truncate, and of a writeFile that is too large for one write, was taken for a later step: a client that closed served it,
 * `queueLimit` didn't count it, and it left without `submit()`.
 */
import fs from "node:fs";
import { type Client, connect } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();
const huge = Buffer.alloc(2 ** 31 + 5); // of pages that nobody touches

/** Each with a file that it would cut, or make. */
const calls: readonly [string, (client: Client, path: string) => Promise<unknown>][] = [
  ["truncate", (client, path) => client.truncate(path, 0)],
  ["writeFile beyond 2 GiB", (client, path) => client.writeFile(path, huge)],
];

describe.each(calls)("%s", (_name, call) => {
  it("is refused while the client closes", () =>
    withEngine({}, async (engine) => {
      const client = await connect(engine.handle());
      const path = dir().file("kept");
      const nop = client.nop();
      const closed = client.close();
      const failure = await within(
        SOON_MS,
        "refusal",
        failureOf(() => call(client, path)),
      );
      expect(failure).toMatchObject({ code: "ERR_RINGPOST_CLOSED" });
      await within(SOON_MS, "close", Promise.all([nop, closed]));
      expect(fs.readFileSync(path, "utf8")).toBe("kept");
    }));

  it("is refused where too many wait", () =>
    withEngine({ credits: 2, queueLimit: 1 }, async ({ client }) => {
      const path = dir().file("kept");
      const nops = [client.nop(), client.nop(), client.nop()];
      const failure = await within(
        SOON_MS,
        "refusal",
        failureOf(() => call(client, path)),
      );
      expect(failure).toMatchObject({ code: "EAGAIN", syscall: "open", path });
      await within(SOON_MS, "nops", Promise.all(nops));
      expect(fs.readFileSync(path, "utf8")).toBe("kept");
    }));

  it("waits for submit()", () =>
    withEngine({ submit: "manual" }, async (engine) => {
      const done = call(engine.client, "/dev/null").catch(() => undefined); // which can't be cut
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(engine.stats().posted).toBe(0);
      engine.client.submit();
      await within(SOON_MS, "call", done);
    }));
});

it("one submit() is enough for all steps of a truncate", () =>
  withEngine({ submit: "manual" }, async ({ client }) => {
    const path = dir().file("12345678");
    const cut = client.truncate(path, 5);
    client.submit();
    await within(SOON_MS, "truncate", cut);
    expect(fs.readFileSync(path, "utf8")).toBe("12345");
  }));

it("a truncate that was posted before the client closes is finished", () =>
  withEngine({}, async (engine) => {
    const client = await connect(engine.handle());
    const path = dir().file("12345678");
    const cut = client.truncate(path, 5);
    await within(SOON_MS, "both", Promise.all([client.close(), cut]));
    expect(fs.readFileSync(path, "utf8")).toBe("12345");
  }));
