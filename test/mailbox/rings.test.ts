import { RingConsumer, RingProducer } from "@ringpost/mailbox";
import { describe, expect, it } from "vitest";
import { isAroundIntact, makeRing } from "../support/ring-memory.js";

/** Starts from which the indexes wrap around at once, soon, and never. */
const starts = [0, 1, 0x7fff_fffe, 0xffff_fff0, 0xffff_fffe, 0xffff_ffff];

describe.each(starts)("a ring that starts at %d", (start) => {
  const make = (capacity: number) => {
    const memory = makeRing(capacity, 2, start);
    const producer = new RingProducer(memory.words, memory.place);
    const consumer = new RingConsumer(memory.words, memory.place);
    const put = (value: number): void => {
      const at = producer.reserve();
      memory.words[at] = value;
      memory.words[at + 1] = ~value;
    };
    const take = (): number | undefined => {
      const at = consumer.take();
      const value = memory.words[at]!;
      return memory.words[at + 1] === ~value ? value : undefined;
    };
    return { memory, producer, consumer, put, take };
  };

  it("is empty at first", () => {
    const { producer, consumer } = make(4);
    expect(producer.room()).toBe(4);
    expect(consumer.available()).toBe(0);
  });

  it("shows nothing before it is published, and then all of it", () => {
    const { producer, consumer, put, take } = make(4);
    put(10);
    put(11);
    expect(consumer.available()).toBe(0);
    expect(producer.room()).toBe(2);
    producer.publish();
    expect(consumer.available()).toBe(2);
    expect([take(), take()]).toEqual([10, 11]);
    expect(consumer.available()).toBe(0);
  });

  it("has room again only for what was released", () => {
    const { producer, consumer, put, take } = make(2);
    put(1);
    put(2);
    producer.publish();
    expect(producer.room()).toBe(0);
    take();
    expect(producer.room()).toBe(0);
    consumer.release();
    expect(producer.room()).toBe(1);
  });

  it("is full with as many entries as it has, and no fewer", () => {
    const { producer, consumer, put, take } = make(8);
    for (let round = 0; round < 5; round++) {
      for (let nth = 0; nth < 8; nth++) put(round * 8 + nth);
      producer.publish();
      expect(producer.room()).toBe(0);
      expect(consumer.available()).toBe(8);
      for (let nth = 0; nth < 8; nth++) expect(take()).toBe(round * 8 + nth);
      consumer.release();
    }
    expect(producer.room()).toBe(8);
  });

  it("keeps the order through many rounds of every size", () => {
    const { memory, producer, consumer, put, take } = make(16);
    let written = 0;
    let read = 0;
    for (let round = 0; round < 200; round++) {
      for (let nth = round % 17; nth > 0 && producer.room() > 0; nth--) put(written++);
      producer.publish();
      for (let nth = (round * 7) % 19; nth > 0 && consumer.available() > 0; nth--) {
        expect(take()).toBe(read++);
      }
      consumer.release();
    }
    expect(written).toBeGreaterThan(500);
    expect(consumer.available()).toBe(written - read);
    expect(isAroundIntact(memory)).toBe(true);
  });

  it("goes on where another pair of ends has left it", () => {
    const { memory, producer, put } = make(4);
    put(1);
    put(2);
    producer.publish();
    const consumer = new RingConsumer(memory.words, memory.place);
    consumer.take();
    consumer.release();
    const next = new RingProducer(memory.words, memory.place);
    expect(next.room()).toBe(3);
    expect(new RingConsumer(memory.words, memory.place).available()).toBe(1);
  });
});
