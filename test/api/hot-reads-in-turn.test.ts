/** When a client reads cached data by itself (packages/client/src/hot-reads.ts). The engine is the test, and the page cache what it says. */
import { EAGAIN, ENOSYS } from "@ringpost/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeEngine, turn } from "../support/fake-engine.js";

/** As many as show that a client does one thing after the other. */
const CALM = 32;
const BYTES = 4096;
const CREDITS = 8;
/** So many hot reads, and the event loop has its turn. */
const PER_TURN = 77;
/** So many are made before that at most. */
const MOST_BEFORE_TURN = 308;

function start(missing?: number) {
  const fake = new FakeEngine({ credits: CREDITS, hotReads: true });
  const asked = { count: 0 };
  fake.readHot = (bytes) => {
    asked.count++;
    return missing ?? bytes;
  };
  const read = () => fake.client.read(3, Buffer.alloc(BYTES), { position: 0 });
  /** One after the other; the engine answers what comes to it. */
  const readInTurn = async (count: number): Promise<void> => {
    for (let nth = 0; nth < count; nth++) {
      let settled = false;
      const reading = read().then(() => {
        settled = true;
      });
      for (; !settled; await turn()) {
        for (const request of fake.take()) fake.reply(request, BYTES);
        fake.publish();
      }
      await reading;
    }
  };
  return { fake, asked, read, readInTurn };
}

it("a client asks the page cache when it has made many requests one after the other", async () => {
  const { asked, readInTurn } = start();
  await readInTurn(CALM - 1);
  expect(asked.count).toBe(0);
  await readInTurn(10);
  expect(asked.count).toBe(10);
});

it("a client asks it more rarely where nothing is cached, and for every other, fourth … read", async () => {
  const { asked, readInTurn } = start(EAGAIN);
  await readInTurn(CALM + 1700);
  expect(asked.count).toBeGreaterThan(100);
  expect(asked.count).toBeLessThan(110); // one in 17
});

it("a client asks it ever more rarely where it can't tell", async () => {
  const { asked, readInTurn } = start(ENOSYS);
  await readInTurn(CALM + 2500);
  expect(asked.count).toBeGreaterThan(9);
  expect(asked.count).toBeLessThan(20);
});

it("a client lets the event loop have its turn after so many", async () => {
  const { fake, asked, read, readInTurn } = start();
  await readInTurn(CALM - 1);
  let settled = 0;
  const readOn = async (): Promise<void> => {
    for (let nth = 0; nth < PER_TURN; nth++, settled++) expect(await read()).toBe(BYTES);
  };
  const reading = readOn();
  process.nextTick(() => expect(settled).toBe(PER_TURN - 1));
  await reading;
  expect(settled).toBe(PER_TURN);
  expect(asked.count).toBe(PER_TURN);
  expect(fake.take()).toHaveLength(0);
});

it("a client that has several at a time leaves them to the engine, and asks no more", async () => {
  const { fake, asked, read, readInTurn } = start();
  await readInTurn(CALM - 1);
  const readOn = async (): Promise<void> => {
    for (let nth = 0; nth < PER_TURN; nth++) await read();
  };
  let done = false;
  const reading = Promise.all([readOn(), readOn(), readOn()]).then(() => {
    done = true;
  });
  for (; !done; await turn()) {
    for (const request of fake.take()) fake.reply(request, BYTES);
    fake.publish();
  }
  await reading;
  expect(asked.count).toBe(PER_TURN);
  expect(fake.count("HOT_READS")).toBe(PER_TURN);
  expect(fake.count("SETTLED")).toBe(CALM - 1 + 2 * PER_TURN);
});

it("a client settles what it has read before it is closed", async () => {
  const { fake, read, readInTurn } = start();
  await readInTurn(CALM - 1);
  for (let nth = 1; nth < PER_TURN; nth++) await read();
  let late: number | undefined;
  void read().then((bytes) => {
    late = bytes;
  });
  await fake.client.disconnect();
  expect(late).toBe(BYTES);
});

describe("a client with several at a time, beside a busy one,", () => {
  const LOOPS = 16;
  /** A client counts the others' requests once for so many reads, if so long has passed. */
  const READS_PER_COUNT = 64;
  const COUNTED_MS = 16;

  /** Reads in loops, which the engine answers. */
  async function readInLoops({ fake, read }: ReturnType<typeof start>, rounds: number) {
    const loop = async (): Promise<void> => {
      for (let nth = 0; nth < rounds; nth++) expect(await read()).toBe(BYTES);
    };
    let done = false;
    const reading = Promise.all(Array.from({ length: LOOPS }, loop)).then(() => {
      done = true;
    });
    for (; !done; await turn()) {
      for (const request of fake.take()) fake.reply(request, BYTES);
      fake.publish();
    }
    await reading;
  }

  let nowMs = 1000;
  beforeEach(() => {
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** The other one has made more requests than it may without being busy, since the client counted last. */
  async function startInCompany() {
    const started = start();
    await readInLoops(started, READS_PER_COUNT / LOOPS);
    expect(started.asked.count).toBe(0); // what was before the first count says nothing
    nowMs += COUNTED_MS;
    started.fake.countOfOther(1e6);
    await readInLoops(started, READS_PER_COUNT / LOOPS);
    expect(started.asked.count).toBeLessThanOrEqual(1);
    started.asked.count = 0;
    return started;
  }

  it("asks the page cache, and settles what is beyond its time in the event loop's next turn", async () => {
    const started = await startInCompany();
    await readInLoops(started, PER_TURN);
    expect(started.asked.count).toBe(LOOPS * PER_TURN);
  });

  it("reads no more than so much before the event loop has its turn", async () => {
    const { fake, asked, read } = await startInCompany();
    const reads = Array.from({ length: 500 }, read);
    expect(asked.count).toBe(MOST_BEFORE_TURN);
    await turn();
    for (let left = 500 - asked.count; left > 0; await turn()) {
      const taken = fake.take();
      for (const request of taken) fake.reply(request, BYTES);
      fake.publish();
      left -= taken.length;
    }
    await Promise.all(reads);
  });

  it("overtakes reads alone", async () => {
    const { fake, asked, read } = await startInCompany();
    const answer = async (): Promise<void> => {
      await turn();
      for (const request of fake.take()) fake.reply(request, BYTES);
      fake.publish();
    };
    const closing = fake.client.close(3);
    const behind = read();
    expect(asked.count).toBe(0);
    await answer();
    await Promise.all([closing, behind]);
    await read();
    expect(asked.count).toBe(1);
  });

  it("stands behind a chain that drains", async () => {
    const { fake, asked, read } = await startInCompany();
    const draining = fake.client.chain({ drain: true }).nop().run();
    const behind = read();
    expect(asked.count).toBe(0);
    await turn();
    for (const request of fake.take()) fake.reply(request, 0);
    fake.publish();
    await Promise.all([draining, behind]);
  });

  it("stands behind what waits for a credit", async () => {
    const { fake, asked, read } = await startInCompany();
    fake.readHot = () => {
      asked.count++;
      return EAGAIN;
    };
    const reads = Array.from({ length: CREDITS }, read);
    const missed = asked.count; // after a miss not every one asks; the next one would
    fake.readHot = (bytes) => {
      asked.count++;
      return bytes;
    };
    const closing = fake.client.close(3);
    const behind = read();
    expect(asked.count).toBe(missed);
    let settled = false;
    const all = Promise.all([...reads, closing, behind]).then(() => {
      settled = true;
    });
    for (; !settled; await turn()) {
      for (const request of fake.take()) fake.reply(request, BYTES);
      fake.publish();
    }
    await all;
  });

  it("leaves its reads to the engine when the other one is busy no longer", async () => {
    const started = await startInCompany();
    nowMs += COUNTED_MS;
    await readInLoops(started, READS_PER_COUNT / LOOPS);
    started.asked.count = 0;
    await readInLoops(started, READS_PER_COUNT);
    expect(started.asked.count).toBeLessThan(READS_PER_COUNT); // of the last loop, when it is alone
  });
});
