/** A part of a view, as node:fs has it: `offset` and `length` in the options of read and write; and its other form, which is refused. */
import fs from "node:fs";
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, failureOf } from "../support/failures.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

/** Its types don't know the options. */
const writeSync = fs.writeSync as unknown as (fd: number, view: Buffer, part: object) => number;

const FIXED = "..........";

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;
  const openWith = (text: string): number => descriptors.open(dir().file(text), "r+");
  const contentOf = (fd: number): string => fs.readFileSync(`/proc/self/fd/${fd}`, "utf8");

  it("is read into, and nothing beside it", async () => {
    const fd = openWith("abcdef");
    const buffer = Buffer.from(FIXED);
    const part = { offset: 2, length: 3, position: 1 };
    expect(await ours().read(fd, buffer, part)).toBe(3);
    expect(buffer.toString()).toBe("..bcd.....");
    expect(await ours().read(fd, buffer, { offset: 8 })).toBe(2);
    expect(buffer.toString()).toBe("..bcd...ab");
    expect(await ours().read(fd, buffer, { length: 1, offset: null })).toBe(1);
    expect(buffer.toString()).toBe("c.bcd...ab");
    expect(await ours().read(fd, buffer, { offset: 10 })).toBe(0);
  });

  it("is written, and nothing beside it", async () => {
    const fd = openWith(FIXED);
    expect(
      await ours().write(fd, Buffer.from("abcdef"), { offset: 1, length: 2, position: 4 }),
    ).toBe(2);
    expect(contentOf(fd)).toBe("....bc....");
    expect(await ours().write(fd, Buffer.from("abcdef"), { offset: 4, length: null })).toBe(2);
    expect(await ours().write(fd, Buffer.from("abcdef"), { length: 0 })).toBe(0);
    expect(contentOf(fd)).toBe("ef..bc....");
  });

  it("is counted in bytes, from where the view begins in its memory", async () => {
    const fd = openWith(FIXED);
    const inside = new Uint16Array(Uint8Array.from(Buffer.from("AABBCCDDEE")).buffer, 2, 3);
    expect(await ours().write(fd, inside, { offset: 1, length: 3, position: 0 })).toBe(3);
    expect(contentOf(fd)).toBe("BCC.......");
    const data = new DataView(new ArrayBuffer(8), 2, 4);
    expect(await ours().read(fd, data, { offset: 1, position: 0 })).toBe(3);
    expect(Buffer.from(data.buffer).toString("latin1")).toBe("\0\0\0BCC\0\0");
  });

  it("of a lease is one, too", async () => {
    using lease = ours().lease(4096);
    const fd = openWith("abcdef");
    lease.buffer.fill(".");
    expect(await ours().read(fd, lease.buffer, { offset: 4000, length: 2, position: 3 })).toBe(2);
    expect(lease.buffer.toString("latin1", 3999, 4003)).toBe(".de.");
  });

  it("of a chain's step is all that it has to move", async () => {
    const buffer = Buffer.from(FIXED);
    const [from, to] = [openWith("abcdef"), openWith(FIXED)];
    const part = { offset: 3, length: 2, position: 0 };
    const steps = ours().chain().read(from, buffer, part).write(to, buffer, part);
    expect(await steps.run()).toEqual([2, 2]);
    expect(buffer.toString()).toBe("...ab.....");
    expect(contentOf(to)).toBe("ab........");
  });

  describe("that doesn't lie in the view fails as node:fs's write", () => {
    const wrong = {
      offset: [-1, 1.5, 11, Number.NaN, 2 ** 53, "1", {}],
      length: [-1, 1.5, 11, 2 ** 40],
    };
    const cases = Object.entries(wrong).flatMap(([name, values]) =>
      values.map((value) => ({
        code: typeof value === "number" ? "ERR_OUT_OF_RANGE" : "ERR_INVALID_ARG_TYPE",
        part: { [name]: value } as object,
      })),
    );
    cases.push({ code: "ERR_OUT_OF_RANGE", part: { offset: 8, length: 3 } });
    it.each(cases)("$part", async ({ code, part }) => {
      const buffer = Buffer.from(FIXED);
      const nodes = (): unknown => writeSync(0x7fff_ffff, buffer, part);
      await expectNodesFailure(code, () => ours().write(0x7fff_ffff, buffer, part), nodes);
      await expectNodesFailure(code, () => ours().read(0x7fff_ffff, buffer, part), nodes);
    });

    it("and so does a length that is no number, which node:fs takes for none", async () => {
      const length = "3" as never;
      const { code } = await failureOf(() => ours().read(0, Buffer.alloc(4), { length }));
      expect(code).toBe("ERR_INVALID_ARG_TYPE");
    });
  });

  it("is refused where offset, length and position are given one by one, and nothing moves", async () => {
    const fd = openWith(FIXED);
    const buffer = Buffer.from("abcdef");
    const asNode = [fd, buffer, 0, 5, 4096] as unknown as [number, Buffer];
    const refused = {
      class: "TypeError",
      code: "ERR_INVALID_ARG_VALUE",
      message: expect.stringMatching(/\{ offset, length, position, .*\}\. Received 5/),
    };
    expect(await failureOf(() => ours().write(...asNode))).toMatchObject(refused);
    expect(await failureOf(() => ours().read(...asNode))).toMatchObject(refused);
    expect(
      await failureOf(() =>
        ours()
          .chain()
          .write(...asNode)
          .run(),
      ),
    ).toMatchObject(refused);
    expect(
      await failureOf(() =>
        ours()
          .chain()
          .read(...asNode)
          .run(),
      ),
    ).toMatchObject(refused);
    const unsaid = [fd, buffer, 0, undefined, undefined] as unknown as [number, Buffer];
    expect((await failureOf(() => ours().write(...unsaid))).code).toBe("ERR_INVALID_ARG_VALUE");
    expect(contentOf(fd)).toBe(FIXED);
    expect(buffer.toString()).toBe("abcdef");
  });
});
