/** Wrong types and ranges: node:fs is called with the same value, and its error is the one that is expected. */
import fs from "node:fs";
import fsp from "node:fs/promises";
import { inspect } from "node:util";
import type { Client } from "ringpost";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { type Adapt, expectSameFailure, failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import {
  bigPositions,
  wrongBufferLists,
  wrongBuffers,
  wrongData,
  wrongEncodings,
  wrongFds,
  wrongFlags,
  wrongModes,
  wrongOptions,
  wrongPaths,
  wrongPositions,
  wrongSwitches,
} from "../support/wrong-values.js";

/** A method with one argument left open. The values are of any type: to give a wrong one is the point. */
type Call = (client: Client, bad: never) => unknown;
type NeverTyped = (this: Client, ...given: unknown[]) => Promise<unknown>;
type NodeCall = (bad: never) => unknown;

const dir = useTempDir();
const view = Buffer.alloc(4);
const ignore = (): void => undefined;

describe("an argument that is wrong", () => {
  const running = useEngine();

  let posted = 0;
  beforeAll(async () => {
    await running.client.nop();
    posted = running.engine.stats().clients[0]!.posted;
  });
  // Nothing wrong ever leaves the client, and it is none the worse for it.
  afterAll(async () => {
    expect(running.engine.stats().clients[0]!.posted).toBe(posted);
    await running.client.nop();
  });

  function compare(
    what: string,
    values: readonly unknown[],
    ours: Call,
    nodes: NodeCall,
    adapt?: Adapt,
  ): void {
    describe(what, () => {
      it.each(values.map((value) => [inspect(value), value] as const))("%s", async (_, value) => {
        const bad = value as never;
        await expectSameFailure(
          () => ours(running.client, bad),
          () => nodes(bad),
          adapt,
        );
      });
    });
  }

  const here = (): string => dir().path;

  compare(
    "open's path",
    [...wrongPaths, 5],
    (c, bad) => c.open(bad),
    (bad) => fsp.open(bad),
  );
  compare(
    "open's flags",
    wrongFlags,
    (c, bad) => c.open("x", bad),
    (bad) => fsp.open("x", bad),
  );
  compare(
    "open's mode",
    wrongModes,
    (c, bad) => c.open(here(), "r", bad),
    (bad) => fsp.open(here(), "r", bad),
  );

  // As read has it: some others of node:fs check in C++, with words of their own, and abort on a symbol.
  const nodesReadOf: NodeCall = (bad) => fs.read(bad, view, 0, 4, null, ignore);
  const callsOfFd: Readonly<Record<string, Call>> = {
    close: (c, bad) => c.close(bad),
    fsync: (c, bad) => c.fsync(bad),
    fdatasync: (c, bad) => c.fdatasync(bad),
    read: (c, bad) => c.read(bad, view),
    write: (c, bad) => c.write(bad, view),
    readv: (c, bad) => c.readv(bad, [view]),
    writev: (c, bad) => c.writev(bad, [view]),
  };
  for (const [name, call] of Object.entries(callsOfFd)) {
    compare(`${name}'s fd`, wrongFds, call, nodesReadOf);
  }

  compare(
    "read's buffer",
    wrongBuffers,
    (c, bad) => c.read(0, bad),
    (bad) => fs.read(0, bad, 0, 4, null, ignore),
  );
  compare(
    "read's position",
    wrongPositions,
    (c, bad) => c.read(0, view, { position: bad }),
    (bad) => fs.read(0, view, 0, 4, bad, ignore),
  );
  compare(
    "readv's buffers",
    wrongBufferLists,
    (c, bad) => c.readv(0, bad),
    (bad) => fs.readv(0, bad, null, ignore),
  );
  compare(
    "writev's buffers",
    wrongBufferLists,
    (c, bad) => c.writev(0, bad),
    (bad) => fs.writev(0, bad, null, ignore),
  );

  // A number is a descriptor here.
  compare(
    "stat's path",
    wrongPaths,
    (c, bad) => c.stat(bad),
    (bad) => fsp.stat(bad),
  );
  const wrongFdNumbers = wrongFds.filter((fd) => typeof fd === "number");
  compare("stat's fd", wrongFdNumbers, (c, bad) => c.stat(bad), nodesReadOf);
  compare(
    "lstat's path",
    [...wrongPaths, 5],
    (c, bad) => c.lstat(bad),
    (bad) => fsp.lstat(bad),
  );

  compare(
    "readFile's path",
    [...wrongPaths, 5],
    (c, bad) => c.readFile(bad),
    (bad) => fsp.readFile(bad),
  );
  compare(
    "readFile's options",
    wrongOptions,
    (c, bad) => c.readFile(here(), bad),
    (bad) => fsp.readFile(here(), bad),
  );
  for (const asOption of [true, false]) {
    // By itself, only a text is an encoding; another value is taken for options.
    const values = asOption
      ? wrongEncodings
      : wrongEncodings.filter((value) => typeof value === "string");
    const given = (bad: never) => (asOption ? ({ encoding: bad } as never) : bad);
    const what = asOption ? "option encoding" : "encoding";
    compare(
      `readFile's ${what}`,
      values,
      (c, bad) => c.readFile(here(), given(bad)),
      (bad) => fsp.readFile(here(), given(bad)),
    );
    compare(
      `writeFile's ${what}`,
      values,
      (c, bad) => c.writeFile(here(), "", given(bad)),
      (bad) => fsp.writeFile(here(), "", given(bad)),
    );
  }
  // An empty flag is the default one.
  const wrongFlagOptions = wrongFlags.filter((flag) => flag !== "" && !Number.isNaN(flag));
  compare(
    "readFile's flag",
    wrongFlagOptions,
    (c, bad) => c.readFile(here(), { flag: bad }),
    (bad) => fsp.readFile(here(), { flag: bad }),
  );

  compare(
    "writeFile's path",
    [...wrongPaths, 5],
    (c, bad) => c.writeFile(bad, ""),
    (bad) => fsp.writeFile(bad, ""),
  );
  compare(
    "writeFile's data",
    wrongData,
    (c, bad) => c.writeFile(here(), bad),
    (bad) => fsp.writeFile(here(), bad),
  );
  compare(
    "writeFile's options",
    wrongOptions,
    (c, bad) => c.writeFile(here(), "", bad),
    (bad) => fsp.writeFile(here(), "", bad),
  );
  compare(
    "writeFile's flag",
    wrongFlagOptions,
    (c, bad) => c.writeFile(here(), "", { flag: bad }),
    (bad) => fsp.writeFile(here(), "", { flag: bad }),
    // Node 26 says "options.flag" of a number, and "flags" of anything else, as the versions before it.
    (failure) => ({ ...failure, message: failure.message.replace('"options.flag"', '"flags"') }),
  );
  compare(
    "writeFile's mode",
    wrongModes,
    (c, bad) => c.writeFile(here(), "", { mode: bad }),
    (bad) => fsp.writeFile(here(), "", { mode: bad }),
  );
  compare(
    "writeFile's flush",
    wrongSwitches,
    (c, bad) => c.writeFile(here(), "", { flush: bad }),
    (bad) => fsp.writeFile(here(), "", { flush: bad } as object),
  );

  describe("of a kind that node:fs takes, and ringpost doesn't", () => {
    // node:fs takes a position that is no number for the current one when it writes, and takes texts for buffers.
    const positionCalls: Readonly<Record<string, Call>> = {
      write: (c, bad) => c.write(0, view, { position: bad }),
      readv: (c, bad) => c.readv(0, [view], { position: bad }),
      writev: (c, bad) => c.writev(0, [view], { position: bad }),
    };
    it.each(bigPositions)("a position of %d is out of range", async (position) => {
      const failure = await failureOf(() => running.client.read(0, view, position));
      expect(failure).toMatchObject({
        ...{ class: "RangeError", name: "RangeError", code: "ERR_OUT_OF_RANGE" },
        message: expect.stringMatching(
          /^The value of "position" is out of range. It must be >= -1/,
        ),
      });
    });

    it.each(Object.entries(positionCalls))(
      "a position of %s is checked as read's",
      async (_, call) => {
        for (const position of [...wrongPositions, ...bigPositions]) {
          const read = running.client.read(0, view, { position: position as never });
          await expectSameFailure(
            () => call(running.client, position as never),
            () => read,
          );
        }
      },
    );

    it("a buffer of write is checked as read's", async () => {
      for (const buffer of wrongBuffers) {
        await expectSameFailure(
          () => running.client.write(0, buffer as never),
          () => running.client.read(0, buffer as never),
        );
      }
    });

    const further: Readonly<Record<string, Call>> = {
      read: (c, bad) => c.read(0, view, null, bad),
      write: (c, bad) => c.write(1, view, null, bad),
      readv: (c, bad) => c.readv(0, [view], null, bad),
      writev: (c, bad) => c.writev(1, [view], null, bad),
      readFile: (c, bad) => (c.readFile as NeverTyped).call(c, "/", "utf8", bad),
      writeFile: (c, bad) => c.writeFile("/", "", "utf8", bad),
      mkdir: (c, bad) => c.mkdir("/", 0o777, bad),
      symlink: (c, bad) => c.symlink("/", "/", { timeoutMs: 50 }, bad),
      "symlink with a type": (c, bad) => c.symlink("/", "/", "dir", {}, bad),
      "readv of a chain": (c, bad) => c.chain().readv(0, [view], null, bad).run(),
      "writev of a chain": (c, bad) => c.chain().writev(1, [view], null, bad).run(),
      "writeFile of a chain": (c, bad) => c.chain().writeFile("/", "", "utf8", bad).run(),
      "mkdir of a chain": (c, bad) => c.chain().mkdir("/", 0o777, bad).run(),
    };
    it.each(Object.entries(further))(
      "what comes after the options of %s is refused: a signal there would be missed",
      async (_, call) => {
        const failure = await failureOf(() => call(running.client, { timeoutMs: 50 } as never));
        expect(failure).toMatchObject({ class: "TypeError", code: "ERR_INVALID_ARG_VALUE" });
        expect(failure.message).toMatch(
          /^The argument 'options' must be the last one, and one object: \{ (.+, )?signal, timeoutMs \}/,
        );
      },
    );

    it("options of another type are refused", async () => {
      for (const options of wrongOptions) {
        expect(await failureOf(() => running.client.stat("/", options as never))).toMatchObject({
          class: "TypeError",
          code: "ERR_INVALID_ARG_TYPE",
        });
      }
    });
  });
});
