/** A misspelt option counted as left out: an engine had other limits than it was asked for, a rename replaced what it was to keep. */
import fs from "node:fs";
import { connect, type Engine, type EngineOptions } from "ringpost";
import { describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const running = useEngine();
const dir = useTempDir();

const refusal = (name: string, known: string, received: string) => ({
  ...{ class: "TypeError", code: "ERR_INVALID_ARG_VALUE" },
  message: `The property '${name}' is none of ${known}. Received ${received}`,
});

describe("Engine.start refuses", () => {
  const failureWith = (options: object) =>
    failureOf(() => withEngine(options as EngineOptions, () => undefined));

  it.each(["maxclients", "ring", "sqPoll", "toString"])("%s", async (name) => {
    expect(await failureWith({ rings: 1, [name]: 2 })).toMatchObject({
      ...{ class: "TypeError", code: "ERR_INVALID_ARG_VALUE" },
      message: expect.stringMatching(
        `^The property 'options.${name}' is none of backend, maxClients, rings, .*hotReads\\. Received 2$`,
      ),
    });
  });

  it.each([
    [{ kernelWorkers: { bound: 1 } }, "kernelWorkers.bound", "bounded, unbounded", "1"],
    [{ sqpoll: { idle: 5 } }, "sqpoll.idle", "idleMs, cpu", "5"],
    [{ minWait: { completions: 2, us: 1, ms: 1 } }, "minWait.ms", "completions, us", "1"],
    [{ submit: { threshold: 4, manual: true } }, "submit.manual", "threshold", "true"],
  ])("of %j what is no part of it", async (options, name, known, received) => {
    expect(await failureWith(options)).toMatchObject(refusal(`options.${name}`, known, received));
  });
});

it("so do handle and connect", async () => {
  const share = { wieght: 3 } as object;
  const { engine } = running;
  expect(await failureOf(() => engine.handle(share))).toMatchObject(
    refusal("share.wieght", "credits, weight", "3"),
  );
  expect(await failureOf(() => connect(engine.handle(), share))).toMatchObject(
    refusal("options.wieght", "credits, weight", "3"),
  );
});

it("so do close and disconnect, and leave open what they are called on", async () => {
  const grace = { grace: 5 } as object;
  const expected = refusal("options.grace", "graceMs", "5");
  expect(await failureOf(() => running.engine.close(grace))).toMatchObject(expected);
  expect(await failureOf(() => running.client.disconnect(grace))).toMatchObject(expected);
  await running.client.nop();
});

it("so do a chain, a rename and a mkdir, and do nothing", async () => {
  const { client } = running;
  const [from, to, made] = [dir().file("a"), dir().file("b"), dir().fresh()];
  const chain = client.chain({ drian: true } as object).unlink(from);
  expect(await failureOf(() => chain.run())).toMatchObject(
    refusal("options.drian", "signal, timeoutMs, drain", "true"),
  );
  const options = { noreplace: true } as object;
  expect(await failureOf(() => client.rename(from, to, options))).toMatchObject(
    refusal("options.noreplace", "signal, timeoutMs, noReplace, exchange", "true"),
  );
  expect(await failureOf(() => client.mkdir(made, { recurse: true } as object))).toMatchObject(
    refusal("options.recurse", "signal, timeoutMs, mode, recursive", "true"),
  );
  expect([from, to].map((path) => fs.readFileSync(path, "utf8"))).toEqual(["a", "b"]);
  expect(fs.existsSync(made)).toBe(false);
});

it("so does what node:fs hasn't, where a time that is misspelt would be waited for without end", async () => {
  const { client } = running;
  const late = { timeoutMS: 1000 } as object;
  const view = new Int32Array(new SharedArrayBuffer(4096));
  const refused = refusal("options.timeoutMS", "signal, timeoutMs", "1000");
  const calls: readonly (() => unknown)[] = [
    () => client.nop(late),
    () => client.ftruncate(0, 0, late),
    () => client.fallocate(0, 0, 0, 1, late),
    () => client.fadvise(0, 0, 0, 0, late),
    () => client.syncFileRange(0, 0, 0, 0, late),
    () => client.getxattr("/", "user.a", late),
    () => client.splice(0, null, 1, null, 1, 0, late),
    () => client.tee(0, 1, 1, 0, late),
    () => client.poll(0, 1, late),
    () => client.pollEvents(0, 1, late),
    () => client.madvise(view, 0, late),
    () => client.pipe(0, late),
    () => client.timeout(1, late),
    () => client.futexWait(view, 0, 1, late),
    () => client.futexWake(view, 0, 0, late),
  ];
  for (const call of calls)
    expect(await failureOf(call as () => Promise<unknown>)).toMatchObject(refused);
  expect(await failureOf(() => client.statx("/", late))).toMatchObject(
    refusal("options.timeoutMS", "signal, timeoutMs, mask, flags", "1000"),
  );
  expect(await failureOf(() => client.waitid("all", 0, late))).toMatchObject(
    refusal("options.timeoutMS", "signal, timeoutMs, states, reap", "1000"),
  );
});

it("what node:fs takes with options of others', the same methods take", async () => {
  const { client } = running;
  const options = { recursive: true, timeout: 5 } as object;
  const path = dir().file("text");
  await client.stat(path, options);
  expect(String(await client.readFile(path, options))).toBe("text");
  await client.writeFile(path, "more", options);
});

it("an engine takes its options from an object that inherits them", async () => {
  const options: EngineOptions = Object.create({ credits: 4 });
  const creditsOf = (engine: Engine): number => engine.handle().credits;
  expect(await withEngine(options, creditsOf)).toBe(4);
});
