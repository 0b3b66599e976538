/** What the layout promises: one writer per cache line, nothing on top of anything else, everything in bounds. */
import { describe, expect, it } from "vitest";
import { BATCH_BUCKETS, LATENCY_BUCKETS } from "./histogram.js";
import * as layout from "./layout.js";
import { operations } from "./operations.js";

const LINE_WORDS = layout.LINE_BYTES / 4;
const LINE_COUNTERS = layout.LINE_BYTES / 8;

type Table = Readonly<Record<string, number>>;
interface Placed {
  readonly name: string;
  readonly firstByte: number;
  readonly bytes: number;
}

const words = (table: Table): Placed[] =>
  Object.entries(table).map(([name, at]) => ({ name, firstByte: at * 4, bytes: 4 }));
/** Names of histograms, and how many counters each is. */
const histograms: Readonly<Record<string, number>> = {
  ENTER_SIZES: BATCH_BUCKETS,
  BATCH_SIZES: BATCH_BUCKETS,
  LATENCIES: LATENCY_BUCKETS,
};
const counters = (table: Table): Placed[] =>
  Object.entries(table).map(([name, at]) => ({
    name,
    firstByte: at * 8,
    bytes: 8 * (histograms[name] ?? 1),
  }));

const linesOf = (placed: readonly Placed[]): Set<number> =>
  new Set(
    placed.flatMap(({ firstByte, bytes }) => {
      const first = Math.floor(firstByte / layout.LINE_BYTES);
      const last = Math.floor((firstByte + bytes - 1) / layout.LINE_BYTES);
      return Array.from({ length: last - first + 1 }, (_, nth) => first + nth);
    }),
  );

function expectDisjoint(placed: readonly Placed[]): void {
  const sorted = placed.toSorted((one, other) => one.firstByte - other.firstByte);
  sorted.slice(1).forEach(({ name, firstByte }, nth) => {
    const before = sorted[nth]!;
    const isBehind = before.firstByte + before.bytes <= firstByte;
    expect(isBehind, `${before.name} and ${name} overlap`).toBe(true);
  });
}

/** Pairs of writers that share a line. */
function sharedLines(writers: Readonly<Record<string, readonly Placed[]>>): string[] {
  const entries = Object.entries(writers).map(
    ([writer, placed]) => [writer, linesOf(placed)] as const,
  );
  return entries.flatMap(([writer, lines], nth) =>
    entries
      .slice(nth + 1)
      .filter(([, others]) => [...lines].some((line) => others.has(line)))
      .map(([other]) => `${writer} and ${other}`),
  );
}

describe("a mailbox's header", () => {
  const { REQUEST_TAIL, REPLY_HEAD, REQUEST_HEAD, REPLY_TAIL, PARKED } = layout.MailboxWord;
  const writers = {
    "the client": words({ REQUEST_TAIL, REPLY_HEAD }),
    "the engine": words({ REQUEST_HEAD, REPLY_TAIL }),
    "both, by exchange": words({ PARKED }),
    "the client's counters": counters(layout.ClientCounter),
    "the engine's counters": counters(layout.ServiceCounter),
  };

  it("has one writer per line", () => {
    expect(sharedLines(writers)).toEqual([]);
  });

  it("has every word and counter in a place of its own, in bounds", () => {
    const all = Object.values(writers).flat();
    expectDisjoint(all);
    for (const { firstByte, bytes } of all) {
      expect(firstByte + bytes).toBeLessThanOrEqual(layout.MAILBOX_HEADER_BYTES);
    }
    expect(layout.MAILBOX_HEADER_BYTES % layout.LINE_BYTES).toBe(0);
  });

  it("is all accounted for", () => {
    expect(Object.keys(layout.MailboxWord)).toHaveLength(5);
  });
});

describe("the engine's page", () => {
  const { PARKED, WAIT_MODE, ...written } = layout.EngineWord;
  const writers = {
    "the starting thread": words(written),
    // WAIT_MODE is the engine's alone, and rarely written: it lies where clients look anyway.
    "engine and clients, by exchange": words({ PARKED, WAIT_MODE }),
    "the engine's counters": counters(layout.EngineCounter),
  };

  it("has one writer per line", () => {
    expect(sharedLines(writers)).toEqual([]);
  });

  it("has every word and counter in a place of its own, in bounds", () => {
    const all = Object.values(writers).flat();
    expectDisjoint(all);
    for (const { firstByte, bytes } of all) {
      expect(firstByte + bytes).toBeLessThanOrEqual(layout.PAGE_BYTES);
    }
  });
});

describe("entries", () => {
  it("have every word in a place of its own, in bounds", () => {
    expectDisjoint(words(layout.RequestWord));
    expectDisjoint(words(layout.ReplyWord));
    expect(Math.max(...Object.values(layout.RequestWord)) * 4).toBeLessThan(layout.REQUEST_BYTES);
    expect(Math.max(...Object.values(layout.ReplyWord)) * 4).toBeLessThan(layout.REPLY_BYTES);
  });

  it("fill lines, or divide them", () => {
    expect(layout.REQUEST_BYTES).toBe(layout.LINE_BYTES);
    expect(layout.LINE_BYTES % layout.REPLY_BYTES).toBe(0);
    expect([LINE_WORDS, LINE_COUNTERS]).toEqual([16, 8]);
  });

  it("have a payload whose parts follow each other", () => {
    const { RESULT_OFFSET, RESULT_BYTES, PATH_OFFSET, PATH_CAPACITY, BYTES } = layout.Payload;
    expect(RESULT_OFFSET + RESULT_BYTES).toBeLessThanOrEqual(PATH_OFFSET);
    expect(PATH_OFFSET + PATH_CAPACITY).toBeLessThanOrEqual(BYTES);
    expect(BYTES % layout.LINE_BYTES).toBe(0);
  });
});

const slotCounts = [1, 2, 4, 8, 64, 256, 1024, layout.MAX_SLOT_COUNT];
const clientCounts = [1, 2, 3, 64, layout.MAX_CLIENTS];

describe.each(slotCounts)("the geometry of %d slots", (slotCount) => {
  it.each(clientCounts)("for %d clients is aligned and in bounds", (maxClients) => {
    const at = layout.geometry(maxClients, slotCount);
    expect(at).toMatchObject({ maxClients, slotCount });
    for (const offset of [at.requestRingOffset, at.replyRingOffset, at.payloadsOffset]) {
      expect(offset % layout.LINE_BYTES).toBe(0);
    }
    expect(at.mailboxesOffset % layout.PAGE_BYTES).toBe(0);
    expect(at.mailboxBytes % layout.PAGE_BYTES).toBe(0);
    expectDisjoint([
      { name: "header", firstByte: 0, bytes: layout.MAILBOX_HEADER_BYTES },
      {
        name: "requests",
        firstByte: at.requestRingOffset,
        bytes: slotCount * layout.REQUEST_BYTES,
      },
      {
        name: "replies",
        firstByte: at.replyRingOffset,
        bytes: slotCount * layout.REPLIES_PER_SLOT * layout.REPLY_BYTES,
      },
      { name: "payloads", firstByte: at.payloadsOffset, bytes: slotCount * layout.Payload.BYTES },
      { name: "the next mailbox", firstByte: at.mailboxBytes, bytes: 1 },
    ]);
    expect(at.totalBytes).toBe(at.mailboxesOffset + maxClients * at.mailboxBytes);
    // Every offset within the buffer is a u32 of the engine page.
    expect(at.mailboxBytes).toBeLessThan(2 ** 32);
  });
});

it("a geometry is read back from the engine page as it was written", () => {
  const at = layout.geometry(3, 16);
  const page = new Uint32Array(layout.PAGE_BYTES / 4);
  layout.writeGeometry(page, at, 0xdead_beef, 0xffff_fffe);
  expect(page[layout.EngineWord.LAYOUT_HASH]).toBe(0xdead_beef);
  expect(page[layout.EngineWord.MAX_CLIENTS]).toBe(3);
  expect(page[layout.EngineWord.SLOT_COUNT]).toBe(16);
  expect(page[layout.EngineWord.MAILBOXES_OFFSET]).toBe(at.mailboxesOffset);
  expect(page[layout.EngineWord.MAILBOX_BYTES]).toBe(at.mailboxBytes);
  expect(page[layout.EngineWord.REQUEST_RING_OFFSET]).toBe(at.requestRingOffset);
  expect(page[layout.EngineWord.REPLY_RING_OFFSET]).toBe(at.replyRingOffset);
  expect(page[layout.EngineWord.PAYLOADS_OFFSET]).toBe(at.payloadsOffset);
  expect(page[layout.EngineWord.INITIAL_INDEX]).toBe(0xffff_fffe);
  expect(page.slice(layout.EngineWord.PARKED).every((word) => word === 0)).toBe(true);
});

describe("numbers that must differ", () => {
  const opcodes = Object.values(operations).map(({ opcode }) => opcode);

  it("opcodes are unique, and none is 0", () => {
    expect(new Set(opcodes).size).toBe(opcodes.length);
    expect(Math.min(...opcodes)).toBeGreaterThan(0);
  });

  it("no slab is taken for another region", () => {
    const { NONE, OWN, FIRST_SLAB } = layout.Region;
    const slabs = Array.from({ length: layout.MAX_SLABS }, (_, nth) => FIRST_SLAB + nth);
    expect(new Set([NONE, OWN, ...slabs]).size).toBe(layout.MAX_SLABS + 2);
  });

  it("notes of a reply are single bits, apart from its stage", () => {
    const bits = Object.values(layout.ReplyNote);
    for (const bit of bits) expect(bit & (bit - 1)).toBe(0);
    expect(new Set(bits).size).toBe(bits.length);
    expect(bits.every((bit) => bit > 0xffff)).toBe(true);
    expect(Math.max(...Object.values(layout.Stage))).toBeLessThanOrEqual(0xffff);
  });

  it("our own open flags are single bits, and no flags of open(2)", () => {
    const allOpenFlags = 0o77777777; // up to O_TMPFILE (include/uapi/asm-generic/fcntl.h)
    const bits = Object.values(layout.OpenFlag);
    expect(new Set(bits).size).toBe(bits.length);
    for (const bit of bits) {
      expect(bit & (bit - 1)).toBe(0);
      expect(bit & allOpenFlags).toBe(0);
    }
  });

  it("what runEngine returns is told apart from a count of clients", () => {
    expect(layout.RunResult.STOPPED).toBeLessThan(0);
  });
});
