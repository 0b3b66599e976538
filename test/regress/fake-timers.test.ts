/** Under the fake timers of a program's tests, which stand still, replies were never read, and a time was over at once. */
import { mock } from "node:test";
import { afterEach, expect, it, vi } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";
import { withEngine } from "../support/with-engine.js";

const running = useEngine();

afterEach(() => {
  vi.useRealTimers();
  mock.timers.reset();
});

/** What matters of it. process.nextTick, which jest fakes besides, is taken from the same module. */
const fakeThoseOfVitest = () =>
  vi.useFakeTimers({
    toFake: [
      "setTimeout",
      "clearTimeout",
      "setImmediate",
      "performance",
      "hrtime",
      "queueMicrotask",
      "Date",
    ],
  });

it.each([
  ["vitest", fakeThoseOfVitest],
  ["node:test", () => mock.timers.enable()],
])("requests, and closing, get on under those of %s", async (_whose, fake) => {
  const { client } = running;
  fake();
  const buffer = Buffer.alloc(64);
  const fd = await client.open("/proc/self/exe");
  const read = () => client.read(fd, buffer, { position: 0, timeoutMs: 60_000 });
  for (let nth = 0; nth < 100; nth++) await read();
  await Promise.all(Array.from({ length: 1000 }, read));
  await client.close(fd);
  await withEngine({}, (engine) => engine.client.nop());
});

it("a time is one of the real clock", async () => {
  const { client } = running;
  const [from, to] = await client.pipe();
  fakeThoseOfVitest();
  const failure = failureOf(() => client.read(from, Buffer.alloc(1), { timeoutMs: 20 }));
  expect(await failure).toMatchObject({ code: "ETIMEDOUT" });
  await Promise.all([client.close(from), client.close(to)]);
});
