/** Shares of an engine: what each client may have of it, and that none can take another's. Counts; timing is for the bench. */
import { operations } from "@ringpost/protocol";
import { type ClientShare, connect, Engine, type EngineHandle } from "ringpost";
import { describe, expect, it } from "vitest";
import { connectSoon } from "../support/connecting.js";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { FakeEngine, turn } from "../support/fake-engine.js";
import { makeFifo } from "../support/fifos.js";
import { RawClient } from "../support/raw-client.js";
import { useTempDir } from "../support/temp-dir.js";

const CREDITS = 16;
const FEW = 3;

const WRONG_TYPE = { class: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
const WRONG_RANGE = { class: "RangeError", code: "ERR_OUT_OF_RANGE" };

const running = useEngine({ credits: CREDITS });
const dir = useTempDir();

describe("a wrong share is refused", () => {
  const table: readonly (readonly [share: unknown, failure: object, name: string])[] = [
    [null, WRONG_TYPE, ""],
    [5, WRONG_TYPE, ""],
    [{ credits: 1 }, WRONG_RANGE, ".credits"],
    [{ credits: CREDITS + 1 }, WRONG_RANGE, ".credits"],
    [{ credits: 2.5 }, WRONG_RANGE, ".credits"],
    [{ credits: "8" }, WRONG_TYPE, ".credits"],
    [{ credits: null }, WRONG_TYPE, ".credits"],
    [{ weight: 0 }, WRONG_RANGE, ".weight"],
    [{ weight: 17 }, WRONG_RANGE, ".weight"],
    [{ weight: Number.NaN }, WRONG_RANGE, ".weight"],
    [{ weight: 4n }, WRONG_TYPE, ".weight"],
  ];

  it.each(table)("%o", async (share, failure, name) => {
    const wrong = share as ClientShare;
    const connecting = await failureOf(() => connect(running.engine.handle(), wrong));
    expect(connecting).toMatchObject(failure);
    expect(connecting.message).toContain(`"options${name}"`);
    const handing = await failureOf(async () => running.engine.handle(wrong));
    expect(handing).toMatchObject(failure);
    expect(handing.message).toContain(`"share${name}"`);
    if (name === "") return;
    const handle = { ...running.engine.handle(), ...wrong } as EngineHandle; // with what is wrong in it
    expect(await failureOf(() => connect(handle))).toMatchObject(failure);
  });

  it.each([0, 17, 1.5])("of the engine's own client: weight %j", async (weight) => {
    expect(await failureOf(() => Engine.start({ weight }))).toMatchObject(WRONG_RANGE);
  });
});

/** Of a client's reads, which don't end, so many are with the engine; the others wait. */
async function expectReads(
  share: ClientShare | undefined,
  handed: ClientShare | undefined,
  expected: number,
): Promise<void> {
  const fifo = makeFifo(dir().fresh());
  const client = await connect(running.engine.handle(handed), share);
  const reads = Array.from({ length: 2 * CREDITS }, () =>
    failureOf(() => client.read(fifo.fd, Buffer.alloc(8), { position: 0 })),
  );
  await expect
    .poll(
      () => {
        const { inFlight, waiting } = running.engine.stats();
        return { inFlight, waiting };
      },
      { timeout: SOON_MS },
    )
    .toEqual({ inFlight: expected, waiting: 2 * CREDITS - expected });
  client.cancelAll();
  for (const { code } of await within(SOON_MS, "reads", Promise.all(reads))) {
    expect(code).toBe("ECANCELED");
  }
  await client.disconnect();
  fifo.close();
}

describe("a client has so many requests with the engine", () => {
  it.each([
    ["as there are slots, by default", undefined, undefined, CREDITS],
    ["as it connects with", { credits: FEW }, undefined, FEW],
    ["as the handle says", undefined, { credits: FEW }, FEW],
    ["as it connects with, whatever the handle says", { credits: 5 }, { credits: FEW }, 5],
  ] as const)("%s", async (_, share, handed, expected) => {
    await expectReads(share, handed, expected);
  });

  it("and its chains are no longer", async () => {
    const client = await connect(running.engine.handle(), { credits: FEW });
    const chain = (steps: number) => {
      const long = client.chain();
      for (let nth = 0; nth < steps; nth++) long.nop();
      return long.run();
    };
    await chain(FEW);
    expect(await failureOf(() => chain(FEW + 1))).toMatchObject({ code: "ERR_OUT_OF_RANGE" });
    await client.disconnect();
  });

  it("and never more in its mailbox", async () => {
    const fake = new FakeEngine({ credits: CREDITS, clientCredits: FEW });
    const nops = Array.from({ length: 50 }, () => fake.client.nop());
    for (let done = 0; done < nops.length; ) {
      await turn();
      const taken = fake.take();
      expect(taken.length).toBeLessThanOrEqual(FEW);
      for (const request of taken) {
        expect(request.slot).toBeLessThan(FEW);
        fake.reply(request);
      }
      done += taken.length;
      fake.publish();
    }
    await Promise.all(nops);
  });
});

/** A nop in each of the first slots. */
function postNops(raw: RawClient, count: number): void {
  for (let slot = 0; slot < count; slot++) {
    raw.put({ SLOT: slot, GENERATION: 1, OPCODE: operations.nop.opcode });
  }
  raw.publish();
}

it("who has more with the engine than its credits is cut off, and nobody else notices", async () => {
  const raw = new RawClient(running.engine.handle({ credits: FEW }));
  postNops(raw, FEW);
  await raw.takeReplies(FEW);
  expect(raw.isOrphaned).toBe(false);
  postNops(raw, FEW + 1);
  await expect.poll(() => raw.isOrphaned, { timeout: SOON_MS, interval: 1 }).toBe(true);
  await within(SOON_MS, "nop", running.client.nop());
  raw.native.close();
  const next = await connectSoon(running.engine);
  await next.nop();
  await next.disconnect();
});

it("who never reads its replies stalls nobody, and finds them all", async () => {
  const raw = new RawClient(running.engine.handle());
  postNops(raw, CREDITS);
  const { client } = running;
  for (let round = 0; round < 100; round++) {
    const nops = Array.from({ length: 2 * CREDITS }, () => client.nop());
    await within(SOON_MS, "nops", Promise.all(nops));
  }
  expect(raw.isOrphaned).toBe(false);
  const replies = await raw.takeReplies(CREDITS);
  expect(replies.every(({ result }) => result === 0)).toBe(true);
  raw.native.close();
});

it("a client that has thousands of requests to post, and one that has one at a time, both end", async () => {
  const greedy = await connect(running.engine.handle({ weight: 16 }));
  const nops = Promise.all(Array.from({ length: 10_000 }, () => greedy.nop()));
  let isBusy = true;
  const busy = nops.then(() => {
    isBusy = false;
  });
  let meanwhile = 0;
  for (; isBusy; meanwhile++) await within(SOON_MS, "nop", running.client.nop());
  await busy;
  expect(meanwhile).toBeGreaterThan(0);
  await greedy.disconnect();
});
