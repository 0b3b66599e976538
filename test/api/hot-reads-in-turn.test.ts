/** When a client reads cached data by itself (packages/client/src/hot-reads.ts). The engine is the test, and the page cache what it says. */
import { EAGAIN } from "@ringpost/protocol";
import { expect, it } from "vitest";
import { FakeEngine, turn } from "../support/fake-engine.js";

/** As many as show that a client does one thing after the other. */
const CALM = 32;
const BYTES = 4096;
/** So many hot reads, and the event loop has its turn. */
const PER_TURN = 77;

function start(isCached: boolean) {
  const fake = new FakeEngine({ credits: 8, hotReads: true });
  const asked = { count: 0 };
  fake.readHot = (bytes) => {
    asked.count++;
    return isCached ? bytes : EAGAIN;
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
  const { asked, readInTurn } = start(true);
  await readInTurn(CALM - 1);
  expect(asked.count).toBe(0);
  await readInTurn(10);
  expect(asked.count).toBe(10);
});

it("a client asks it ever more rarely where nothing is cached", async () => {
  const { asked, readInTurn } = start(false);
  await readInTurn(CALM + 2500);
  expect(asked.count).toBeGreaterThan(9);
  expect(asked.count).toBeLessThan(20);
});

it("a client lets the event loop have its turn after so many", async () => {
  const { fake, asked, read, readInTurn } = start(true);
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
  const { fake, asked, read, readInTurn } = start(true);
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
  const { fake, read, readInTurn } = start(true);
  await readInTurn(CALM - 1);
  for (let nth = 1; nth < PER_TURN; nth++) await read();
  let late: number | undefined;
  void read().then((bytes) => {
    late = bytes;
  });
  await fake.client.disconnect();
  expect(late).toBe(BYTES);
});
