/** More requests than a client has credits: they wait in order, up to a limit. */
import fs from "node:fs";
import { connect, Engine } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { FakeEngine, turn } from "../support/fake-engine.js";
import { bytesOf, fencedView, patternBytes } from "../support/fenced-views.js";
import { useTempDir } from "../support/temp-dir.js";

describe("without a credit, a request", () => {
  /** Replies to all that is there, turn after turn, and notes the order in which it came. */
  async function serve(fake: FakeEngine, requests: number): Promise<number[]> {
    const order: number[] = [];
    while (order.length < requests) {
      await turn();
      for (const request of fake.take()) {
        order.push(request.fd);
        fake.reply(request);
      }
      fake.publish();
    }
    return order;
  }

  it("waits in order, and is served in order", async () => {
    const fake = new FakeEngine({ credits: 4 });
    const fsyncs = Array.from({ length: 100 }, (_, nth) => fake.client.fsync(nth));
    await turn();
    fake.take(); // nobody replies to these yet
    const later = Array.from({ length: 100 }, (_, nth) => fake.client.fsync(100 + nth));
    await turn();
    expect(fake.take()).toEqual([]);
    for (let slot = 0; slot < 4; slot++) fake.reply({ slot, generation: 1 });
    fake.publish();
    const order = await serve(fake, 196);
    expect(order).toEqual(Array.from({ length: 196 }, (_, nth) => 4 + nth));
    await Promise.all([...fsyncs, ...later]);
  });

  it("doesn't overtake those that wait, though a slot is free by then", async () => {
    const fake = new FakeEngine({ credits: 2 });
    const fsyncs = [0, 1, 2, 3, 4].map((fd) => fake.client.fsync(fd));
    await turn();
    const [first, second] = fake.take();
    fake.reply(first!);
    fake.reply(second!);
    fake.publish();
    // Posted in the very microtask in which the first one settles.
    fsyncs.push(fsyncs[0]!.then(() => fake.client.fsync(5)));
    expect(await serve(fake, 4)).toEqual([2, 3, 4, 5]);
    await Promise.all(fsyncs);
  });

  it("never has more in the request ring than there are credits", async () => {
    const fake = new FakeEngine({ credits: 8, initialIndex: 0xffff_fffa });
    const nops = Array.from({ length: 100 }, () => fake.client.nop());
    for (let done = 0; done < 100; ) {
      await turn();
      const taken = fake.take();
      expect(taken.length).toBeLessThanOrEqual(8);
      for (const request of taken) fake.reply(request);
      fake.publish();
      done += taken.length;
    }
    await Promise.all(nops);
  });
});

describe("past the limit", () => {
  it("a request rejects with EAGAIN as an operation of node:fs would", async () => {
    const fake = new FakeEngine({ credits: 2, queueLimit: 3 });
    const accepted = Array.from({ length: 5 }, () => fake.client.nop());
    const failure = await failureOf(() => fake.client.open("/some/path"));
    expect(failure).toMatchObject({
      ...{ class: "Error", name: "Error", code: "EAGAIN", errno: -11 },
      ...{ syscall: "open", path: "/some/path" },
    });
    expect(failure.message).toMatch(
      /^EAGAIN: resource temporarily unavailable, open '\/some\/path'/,
    );
    expect(failure.message).toMatch(/drain\(\)/);
    expect(await failureOf(() => fake.client.fsync(0))).toMatchObject({ syscall: "fsync" });

    await turn();
    for (const request of fake.take()) fake.reply(request);
    fake.publish();
    await Promise.all(accepted.slice(0, 2));
    // Two have left the line, so two may join it.
    accepted.push(fake.client.nop(), fake.client.nop());
    expect(await failureOf(() => fake.client.nop())).toMatchObject({ code: "EAGAIN" });
    while (fake.count("SETTLED") < 7) {
      await turn();
      for (const request of fake.take()) fake.reply(request);
      fake.publish();
    }
    await Promise.all(accepted);
  });

  it("of 0, nothing waits", async () => {
    const fake = new FakeEngine({ credits: 2, queueLimit: 0 });
    const accepted = [fake.client.nop(), fake.client.nop()];
    expect(await failureOf(() => fake.client.nop())).toMatchObject({ code: "EAGAIN" });
    await fake.client.drain();
    await turn();
    for (const request of fake.take()) fake.reply(request);
    fake.publish();
    await Promise.all(accepted);
  });
});

describe("drain", () => {
  it("resolves when nobody waits, and not before", async () => {
    const fake = new FakeEngine({ credits: 2, queueLimit: 2 });
    await fake.client.drain();
    const nops = Array.from({ length: 4 }, () => fake.client.nop());
    let drained = 0;
    const drains = [1, 2].map(() => fake.client.drain().then(() => drained++));
    await turn();
    const [first, second] = fake.take();
    fake.reply(first!);
    fake.publish();
    await turn();
    expect(drained).toBe(0);
    fake.reply(second!);
    fake.publish();
    await Promise.all(drains);
    nops.push(fake.client.nop(), fake.client.nop());
    await turn();
    for (let round = 0; round < 3; round++) {
      for (const request of fake.take()) fake.reply(request);
      fake.publish();
      await turn();
    }
    await Promise.all(nops);
  });

  it("lets a program post as much as it likes within the limit", async () => {
    const fake = new FakeEngine({ credits: 4, queueLimit: 4 });
    let isDone = false;
    const program = (async () => {
      const nops: Promise<void>[] = [];
      for (let nth = 0; nth < 100; nth++) {
        await fake.client.drain();
        nops.push(fake.client.nop());
      }
      await Promise.all(nops);
      isDone = true;
    })();
    while (!isDone) {
      for (const request of fake.take()) fake.reply(request);
      fake.publish();
      await turn();
    }
    await program;
  });
});

describe("on tiny rings", () => {
  const dir = useTempDir();
  const running = useEngine({ credits: 2, entries: 1, maxClients: 4, queueLimit: 20_000 });

  it("10,000 requests at once settle once each, with the right data", async () => {
    const blockBytes = 16;
    const pattern = patternBytes(10_000 * blockBytes);
    const fd = await running.client.open(dir().file(pattern));
    const settled = new Uint8Array(10_000);
    const views = Array.from({ length: 10_000 }, () => fencedView(blockBytes));
    const reads = views.map(async (view, nth) => {
      expect(await running.client.read(fd, view, nth * blockBytes)).toBe(blockBytes);
      settled[nth]!++;
    });
    await within(SOON_MS, "reads", Promise.all(reads));
    expect(settled.every((times) => times === 1)).toBe(true);
    expect(Buffer.concat(views.map(bytesOf)).equals(pattern)).toBe(true);
    const { posted, settled: replies, lateReplies } = running.engine.stats().clients[0]!;
    expect(replies).toBe(posted);
    expect(lateReplies).toBe(0);
    await running.client.close(fd);
  });

  it("writes to the end of a file arrive in the order in which they were posted", async () => {
    const path = dir().fresh();
    const fd = await running.client.open(path, "a");
    const lines = Array.from({ length: 2000 }, (_, nth) => Buffer.from(`line ${nth}\n`));
    await Promise.all(lines.map((line) => running.client.write(fd, line)));
    expect(fs.readFileSync(path).equals(Buffer.concat(lines))).toBe(true);
    await running.client.close(fd);
  });

  it("a path of bytes is what it was at the call, however long it waits", async () => {
    const path = Buffer.from(dir().file("the one that was asked for"));
    const nops = Array.from({ length: 5 }, () => running.client.nop());
    const read = running.client.readFile(path, "utf8");
    const missing = Buffer.concat([path, Buffer.from(".missing")]);
    const shown = missing.toString();
    const failed = failureOf(() => running.client.stat(missing));
    path.fill("x");
    missing.fill("x");
    expect(await read).toBe("the one that was asked for");
    expect(await failed).toMatchObject({ code: "ENOENT", path: shown });
    await Promise.all(nops);
  });

  it("readFile beside a request in flight finds room for what it needs besides", async () => {
    const client = await connect(running.engine.handle());
    const path = dir().file("first of this client");
    // The first readFile of a client also registers memory.
    const [, text] = await within(
      SOON_MS,
      "nop and readFile",
      Promise.all([client.nop(), client.readFile(path, "utf8")]),
    );
    expect(text).toBe("first of this client");
    await client.disconnect();
  });

  it("readFile that still waits when its client closes settles", async () => {
    const client = await connect(running.engine.handle());
    const path = dir().file("asked for in time");
    const nops = [client.nop(), client.nop()];
    const text = client.readFile(path, "utf8");
    const closed = client.disconnect();
    expect(await within(SOON_MS, "readFile", text)).toBe("asked for in time");
    await Promise.all(nops);
    await within(SOON_MS, "disconnect", closed);
  });

  it("the next step of a readFile, posted while replies are settled, leaves once their places are free", async () => {
    await using engine = await Engine.start({ credits: 8 });
    const { client } = engine;
    const path = dir().file(patternBytes(300_000)); // too long for its first step
    const loop = async (_: unknown, nth: number): Promise<void> => {
      for (let round = 0; round < 600; round++) {
        await (nth % 2 === 0 ? client.nop() : client.readFile(path));
      }
    };
    // An engine that found more with it than there are credits would serve the client no more.
    await within(SOON_MS, "all", Promise.all(Array.from({ length: 12 }, loop)));
  });
});
