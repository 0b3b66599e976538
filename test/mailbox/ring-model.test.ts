/** Random sequences of everything that the two ends of a ring can do, against a plain queue. */
import { RingConsumer, RingProducer } from "@ringpost/mailbox";
import fc from "fast-check";
import { expect, it } from "vitest";
import { chooseSeed } from "../support/random.js";
import { isAroundIntact, makeRing, type RingMemory } from "../support/ring-memory.js";

const ENTRY_WORDS = 4;

class Model {
  reserved: number[] = [];
  published: number[] = [];
  /** Taken, and not released yet. */
  held = 0;
  next = 1;
}

class Ring {
  readonly memory: RingMemory;
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;

  constructor(capacity: number, start: number) {
    this.memory = makeRing(capacity, ENTRY_WORDS, start);
    this.producer = new RingProducer(this.memory.words, this.memory.place);
    this.consumer = new RingConsumer(this.memory.words, this.memory.place);
  }

  get capacity(): number {
    return this.memory.place.capacity;
  }
}

type Command = fc.Command<Model, Ring>;

const roomOf = (model: Model, ring: Ring): number =>
  ring.capacity - model.reserved.length - model.published.length - model.held;

class Reserve implements Command {
  // The room is the caller's to know, so a full ring is never asked.
  check = (): boolean => true;
  run(model: Model, ring: Ring): void {
    expect(ring.producer.room()).toBe(roomOf(model, ring));
    if (roomOf(model, ring) === 0) return;
    const value = model.next++;
    const at = ring.producer.reserve();
    for (let word = 0; word < ENTRY_WORDS; word++)
      ring.memory.words[at + word] = value * (word + 1);
    model.reserved.push(value);
  }
  toString = (): string => "reserve";
}

class Publish implements Command {
  check = (): boolean => true;
  run(model: Model, ring: Ring): void {
    ring.producer.publish();
    model.published.push(...model.reserved.splice(0));
    expect(ring.consumer.available()).toBe(model.published.length);
  }
  toString = (): string => "publish";
}

class Take implements Command {
  check = (model: Readonly<Model>): boolean => model.published.length > 0;
  run(model: Model, ring: Ring): void {
    const at = ring.consumer.take();
    const value = model.published.shift()!;
    const expected = Array.from({ length: ENTRY_WORDS }, (_, word) => value * (word + 1));
    expect([...ring.memory.words.subarray(at, at + ENTRY_WORDS)]).toEqual(expected);
    model.held++;
    expect(ring.consumer.available()).toBe(model.published.length);
  }
  toString = (): string => "take";
}

class Release implements Command {
  check = (): boolean => true;
  run(model: Model, ring: Ring): void {
    ring.consumer.release();
    model.held = 0;
    expect(ring.producer.room()).toBe(roomOf(model, ring));
  }
  toString = (): string => "release";
}

it("a ring is a queue, whatever its ends do, and wherever its indexes start", () => {
  const seed = chooseSeed("ring model");
  const commands = [Reserve, Reserve, Publish, Take, Release].map((Kind) =>
    fc.constant(new Kind()),
  );
  const start = fc.oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.integer({ min: 0xffff_ff00, max: 0xffff_ffff }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      start,
      fc.commands(commands, { maxCommands: 200 }),
      (exponent, startIndex, steps) => {
        const ring = new Ring(2 ** exponent, startIndex);
        fc.modelRun(() => ({ model: new Model(), real: ring }), steps);
        expect(isAroundIntact(ring.memory)).toBe(true);
      },
    ),
    { seed, numRuns: 500 },
  );
});
