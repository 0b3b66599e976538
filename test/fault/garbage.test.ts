/** Requests that no honest client posts: each is refused by itself, and nothing is touched. */
import { operations, Region } from "@ringpost/protocol";
import { describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { bytesOf, expectFencesIntact, fencedView } from "../support/fenced-views.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { RawClient, type RequestFields } from "../support/raw-client.js";
import { useTempDir } from "../support/temp-dir.js";

const EFAULT = -14;
const EINVAL = -22;
const EBADF = -9;
const ENOENT = -2;

const opcodeOf = (name: keyof typeof operations): number => operations[name].opcode;

const lastOpcode = Math.max(...Object.values(operations).map(({ opcode }) => opcode));

describe("the engine", () => {
  const dir = useTempDir();
  const descriptors = useDescriptors();
  const running = useEngine({ credits: 8 });

  async function withRawClient(test: (raw: RawClient) => Promise<void>): Promise<void> {
    const raw = new RawClient(running.engine.handle());
    try {
      await test(raw);
      // It still serves this client, and the others.
      const reply = await raw.ask({ SLOT: 3, GENERATION: 99, OPCODE: opcodeOf("nop") });
      expect(reply).toEqual({ slot: 3, generation: 99, result: 0, note: 0 });
      await running.client.nop();
      expect(raw.isOrphaned).toBe(false);
    } finally {
      raw.native.close();
    }
  }

  it.each([0, lastOpcode + 1, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    "refuses the opcode %d with EINVAL",
    (opcode) =>
      withRawClient(async (raw) => {
        const reply = await raw.ask({ SLOT: 1, GENERATION: 7, OPCODE: opcode });
        expect(reply).toEqual({ slot: 1, generation: 7, result: EINVAL, note: 0 });
      }),
  );

  it.each([8, 9, 4096, 0x7fff_ffff, -1])("refuses the slot %d with EINVAL", (slot) =>
    withRawClient(async (raw) => {
      const reply = await raw.ask({ SLOT: slot, GENERATION: 7, OPCODE: opcodeOf("nop") });
      expect(reply).toEqual({ slot, generation: 7, result: EINVAL, note: 0 });
    }),
  );

  it("refuses a slot that is in use with EINVAL", () =>
    withRawClient(async (raw) => {
      for (const generation of [1, 2, 3]) {
        raw.put({ SLOT: 0, GENERATION: generation, OPCODE: opcodeOf("nop") });
      }
      raw.publish();
      const replies = await raw.takeReplies(3);
      expect(replies.map(({ generation }) => generation).sort()).toEqual([1, 2, 3]);
      expect(replies.find(({ generation }) => generation === 1)?.result).toBe(0);
      for (const { result } of replies) expect([0, EINVAL]).toContain(result);
    }));

  describe.each(["read", "write"] as const)("refuses a %s", (name) => {
    const BYTES = 64;

    /** A request that is right but for what the test changes: its view is pinned for slot 0, generation 5. */
    const ask = (change: RequestFields, results: readonly number[]) =>
      withRawClient(async (raw) => {
        const view = fencedView(BYTES);
        const path = dir().file(Buffer.alloc(4096, "x"));
        const fd = descriptors.open(path, "r+");
        raw.native.pin(0, 5, view as Uint8Array);
        const reply = await raw.ask({
          ...{ SLOT: 0, GENERATION: 5, OPCODE: opcodeOf(name), FD: fd, LENGTH: BYTES },
          ...{ REGION: Region.OWN, REGION_GENERATION: 5, REGION_OFFSET: 0 },
          ...change,
        });
        expect(results).toContain(reply.result);
        expectFencesIntact(view);
        if (reply.result < 0) expect(bytesOf(view).every((byte) => byte === 0)).toBe(true);
      });

    it("never, if all is right", () => ask({}, [BYTES]));
    it("whose region is one byte too long", () => ask({ LENGTH: BYTES + 1 }, [EFAULT]));
    it("whose region begins behind its end", () =>
      ask({ REGION_OFFSET: BYTES + 1, LENGTH: 0 }, [EFAULT]));
    it("whose offset and length wrap around to something small", () =>
      ask({ REGION_OFFSET: 0xffff_ffff, LENGTH: 2 }, [EFAULT]));
    it("whose offset alone is wild", () => ask({ REGION_OFFSET: 0x8000_0000 }, [EFAULT]));
    it.each([0x7fff_f000, 0x7fff_f001, 0x8000_0000, 0xffff_ffff])("of %d bytes", (length) =>
      ask({ LENGTH: length }, [EFAULT, EINVAL]),
    );
    it("of a later generation", () => ask({ REGION_GENERATION: 6 }, [EFAULT]));
    it("of an earlier generation", () => ask({ REGION_GENERATION: 4 }, [EFAULT]));
    it("of another slot's region", () => ask({ SLOT: 1 }, [EFAULT]));
    it("without a region", () => ask({ REGION: Region.NONE }, [EFAULT]));
    it.each([0, 1, 63, 64, 65, 0xffff, 0x7fff_ffff, 0xffff_fffd])("of slab %d", (slab) =>
      ask({ REGION: slab, REGION_GENERATION: slab }, [EFAULT]),
    );
    it("of a descriptor that is not there", () => ask({ FD: 0x7fff_ffff }, [EBADF]));
    it.each(["readv", "writev"] as const)("disguised as %s", (many) =>
      ask({ OPCODE: opcodeOf(many), LENGTH: 1 }, [EFAULT]),
    );
  });

  it("refuses a region a second time, after its reply", () =>
    withRawClient(async (raw) => {
      const fd = descriptors.open("/dev/zero");
      raw.native.pin(0, 5, new Uint8Array(8));
      const fields: RequestFields = {
        ...{ SLOT: 0, GENERATION: 5, OPCODE: opcodeOf("read"), FD: fd, LENGTH: 8 },
        ...{ REGION: Region.OWN, REGION_GENERATION: 5 },
      };
      expect(await raw.ask(fields)).toMatchObject({ result: 8 });
      expect(await raw.ask(fields)).toMatchObject({ result: EFAULT });
    }));

  it.each(["readv", "writev"] as const)("refuses a %s with another number of buffers", (name) =>
    withRawClient(async (raw) => {
      const fd = descriptors.open("/dev/null", "r+");
      for (const count of [0, 1, 3, 1024, 0xffff_ffff]) {
        raw.native.pinVectors(0, 5, [new Uint8Array(8), new Uint8Array(8)]);
        const reply = await raw.ask({
          ...{ SLOT: 0, GENERATION: 5, OPCODE: opcodeOf(name), FD: fd, LENGTH: count },
          ...{ REGION: Region.OWN, REGION_GENERATION: 5 },
        });
        expect(reply.result).toBe(EFAULT);
      }
    }),
  );

  it.each(["open", "readFile", "writeFile", "stat"] as const)(
    "refuses %s with a wild length of its path",
    (name) =>
      withRawClient(async (raw) => {
        for (const bytes of [4096, 4097, 0x7fff_ffff, 0xffff_ffff]) {
          raw.native.pin(0, 5, new Uint8Array(8));
          const reply = await raw.ask({
            ...{ SLOT: 0, GENERATION: 5, OPCODE: opcodeOf(name), PATH_BYTES: bytes },
            ...{ REGION: Region.OWN, REGION_GENERATION: 5, LENGTH: 8 },
          });
          expect(reply.result).toBe(EINVAL);
        }
      }),
  );

  it("reads no path beyond the end of its slot's payload", () =>
    withRawClient(async (raw) => {
      // No NUL anywhere: neither in this path nor behind it.
      raw.mailbox.payloads.fill("a");
      const reply = await raw.ask({
        SLOT: 7,
        GENERATION: 5,
        OPCODE: opcodeOf("open"),
        PATH_BYTES: 300,
      });
      expect(reply.result).toBe(-36); // ENAMETOOLONG: a name of 300 bytes, and not of more than 4096
      raw.mailbox.payloads.fill(0);
      const empty = await raw.ask({
        SLOT: 7,
        GENERATION: 6,
        OPCODE: opcodeOf("open"),
        PATH_BYTES: 9,
      });
      expect(empty.result).toBe(ENOENT);
    }));

  it.each([0, 1, 64, 0x7fff_ffff, 0xffff_fffe])(
    "registers no slab %d that was not pinned",
    (slab) =>
      withRawClient(async (raw) => {
        const reply = await raw.ask({
          ...{ SLOT: 0, GENERATION: 5, OPCODE: opcodeOf("registerSlab"), LENGTH: 4096 },
          ...{ REGION: slab, REGION_GENERATION: slab },
        });
        expect(reply.result).toBe(EFAULT);
      }),
  );
});
