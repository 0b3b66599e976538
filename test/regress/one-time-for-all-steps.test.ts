/** `timeoutMs` began anew with each request of a recursive mkdir or a getxattr, of which a stat had neither that nor the signal. */
import { OpcodeFlag, Payload } from "@ringpost/protocol";
import type { Client, RequestOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { failureOf } from "../support/failures.js";
import { FakeEngine, type TakenRequest, turn } from "../support/fake-engine.js";

const ENOENT = -2;
const EEXIST = -17;
const ERANGE = -34;
const ECANCELED = -125;

/** The next request, which must be the only one, and the deadline that it came with. */
async function takeOne(fake: FakeEngine): Promise<[TakenRequest, bigint]> {
  await turn();
  const [request, ...more] = fake.take();
  expect(more).toEqual([]);
  expect(request!.opcode & OpcodeFlag.DEADLINE).not.toBe(0);
  const at = request!.slot * Payload.BYTES + Payload.DEADLINE_OFFSET;
  return [request!, fake.mailbox.payloadValues.getBigUint64(at, true)];
}

const calls: readonly [string, number[], (client: Client, options: RequestOptions) => unknown][] = [
  [
    "mkdir",
    [ENOENT, 0, 0],
    (client, options) => client.mkdir("/a/b", { recursive: true, ...options }),
  ],
  [
    "mkdir of what is there",
    [EEXIST, ENOENT],
    (client, options) => client.mkdir("/a", { recursive: true, ...options }),
  ],
  ["getxattr", [ERANGE, 0], (client, options) => client.getxattr("/a", "user.x", options)],
];

describe.each(calls)("%s", (_name, replies, call) => {
  it("has one deadline", async () => {
    const fake = new FakeEngine({ credits: 4 });
    const done = Promise.resolve(call(fake.client, { timeoutMs: 10_000 })).catch(() => undefined);
    const deadlines: bigint[] = [];
    for (const result of replies) {
      const [request, deadline] = await takeOne(fake);
      deadlines.push(deadline);
      fake.reply(request, result);
      fake.publish();
      await turn();
    }
    await within(SOON_MS, "call", done);
    expect(deadlines.every((deadline) => deadline === deadlines[0])).toBe(true);
  });

  it("has one signal", async () => {
    const fake = new FakeEngine({ credits: 4 });
    const control = new AbortController();
    const options = { signal: control.signal, timeoutMs: 10_000 };
    const failure = failureOf(() => call(fake.client, options));
    for (const result of replies.slice(0, -1)) {
      fake.reply((await takeOne(fake))[0], result);
      fake.publish();
      await turn();
    }
    const [last] = await takeOne(fake);
    control.abort();
    await turn();
    expect(fake.take()).toHaveLength(1); // the cancellation
    fake.reply(last, ECANCELED);
    fake.publish();
    expect(await within(SOON_MS, "call", failure)).toMatchObject({ code: "ABORT_ERR" });
  });
});
