/** Replies that belong to no request that waits: dropped, counted, and harmless. */
import { operations, ReplyNote } from "@ringpost/protocol";
import { expect, it } from "vitest";
import { FakeEngine, turn } from "../support/fake-engine.js";

async function settleWith(wrong: readonly { slot: number; generation: number }[]): Promise<void> {
  const fake = new FakeEngine({ credits: 16 });
  let settled = false;
  const nop = fake.client.nop().then(() => {
    settled = true;
  });
  await turn();
  const [request] = fake.take();
  for (const reply of wrong) fake.reply(reply, -5);
  fake.publish();
  await turn();
  expect(settled).toBe(false);
  expect(fake.count("LATE_REPLIES")).toBe(wrong.length);
  expect(fake.count("SETTLED")).toBe(0);

  fake.reply(request!);
  fake.publish();
  await nop;
  expect(fake.count("SETTLED")).toBe(1);

  // The slot is as good as before.
  const next = fake.client.nop();
  await turn();
  for (const taken of fake.take()) fake.reply(taken);
  fake.publish();
  await next;
  expect(fake.count("LATE_REPLIES")).toBe(wrong.length);
}

it("of an older or a newer generation are dropped", () =>
  settleWith([
    { slot: 0, generation: 0 },
    { slot: 0, generation: 2 },
    { slot: 0, generation: -1 },
    { slot: 0, generation: 0x7fff_ffff },
  ]));

it("of a slot that is free, or is none, are dropped", () =>
  settleWith([
    { slot: 1, generation: 0 },
    { slot: 15, generation: 1 },
    { slot: 16, generation: 1 },
    { slot: -1, generation: 1 },
    { slot: 0x7fff_ffff, generation: 1 },
    { slot: -0x8000_0000, generation: 1 },
  ]));

it("of a request that has its reply already are dropped", async () => {
  const fake = new FakeEngine({ credits: 4 });
  const nop = fake.client.nop();
  await turn();
  const [request] = fake.take();
  fake.reply(request!);
  fake.reply(request!);
  fake.publish();
  await nop;
  expect(fake.count("SETTLED")).toBe(1);
  expect(fake.count("LATE_REPLIES")).toBe(1);

  // In a pass of their own, too, and when the slot serves another request.
  const next = fake.client.nop();
  await turn();
  const [taken] = fake.take();
  fake.reply(request!, -5);
  fake.publish();
  await turn();
  expect(fake.count("LATE_REPLIES")).toBe(2);
  fake.reply(taken!);
  fake.publish();
  await next;
});

it("generations that wrap around are told apart", async () => {
  const fake = new FakeEngine({ credits: 2 });
  const generations = new Set<number>();
  for (let nth = 0; nth < 1000; nth++) {
    const nop = fake.client.nop();
    fake.client.submit();
    for (const request of fake.take()) {
      generations.add(request.generation);
      fake.reply(request);
    }
    fake.publish();
    await nop;
  }
  expect(generations.size).toBe(1000);
});

it("that say that more comes are dropped where no stream waits for them", async () => {
  const fake = new FakeEngine({ credits: 4 });
  const nop = fake.client.nop();
  const stream = fake.client.pollEvents(0, 1);
  const next = stream.next();
  await turn();
  const [ofNop, ofStream] = fake.take();
  const { slot, generation } = ofStream!;
  for (const wrong of [ofNop!, { slot, generation: generation - 1 }, { slot: 3, generation: 0 }]) {
    fake.reply(wrong, 1, ReplyNote.MORE);
  }
  fake.reply(ofStream!, 5, ReplyNote.MORE);
  fake.reply(ofNop!);
  fake.publish();
  expect(await next).toEqual({ done: false, value: 5 });
  await nop;
  expect(fake.count("LATE_REPLIES")).toBe(3);
  expect(fake.count("SETTLED")).toBe(1);

  const last = stream.return();
  await turn();
  expect(fake.take()).toMatchObject([{ slot, generation, opcode: operations.cancel.opcode }]);
  fake.reply(ofStream!, 4, ReplyNote.MORE); // on its way, as the cancellation was
  fake.reply(ofStream!, -125);
  fake.reply(ofStream!, 4, ReplyNote.MORE);
  fake.publish();
  expect(await last).toEqual({ done: true, value: undefined });
  expect(fake.count("SETTLED")).toBe(2);
  expect(fake.count("LATE_REPLIES")).toBe(4);
});

it("ask for events once for each that is taken, and only when somebody waits", async () => {
  const fake = new FakeEngine({ credits: 4 });
  const stream = fake.client.pollEvents(0, 1);
  const nexts = [stream.next(), stream.next()];
  await turn();
  const [request] = fake.take();
  const asked = (): number[] => fake.take().map(({ opcode }) => opcode);
  for (const next of nexts) {
    expect(asked()).toEqual([]);
    fake.reply(request!, 1, ReplyNote.MORE);
    fake.publish();
    await next;
    await turn();
    if (next === nexts[0]) expect(asked()).toEqual([operations.nextEvents.opcode]);
  }
  expect(asked()).toEqual([]);
  const third = stream.next();
  await turn();
  expect(asked()).toEqual([operations.nextEvents.opcode]);
  fake.reply(request!, -9);
  fake.publish();
  await expect(third).rejects.toMatchObject({ code: "EBADF" });
});
