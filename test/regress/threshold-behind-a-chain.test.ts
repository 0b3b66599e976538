/** A chain waited for slots that a threshold kept: what had them didn't leave, as it was too little, and a slot was free. */
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";

const running = useEngine({ credits: 4, submit: { threshold: 4 } });

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

it.each([
  ["in the same turn", () => undefined],
  ["later", pause],
])("two requests, and %s a chain of three", async (_when, wait) => {
  const { client } = running;
  const nops = [client.nop(), client.nop()];
  await wait();
  const chain = client.chain().nop().nop().nop().run();
  await within(SOON_MS, "all", Promise.all([...nops, chain]));
});

it("chains behind chains", async () => {
  const { client } = running;
  const nop = client.nop();
  const chains = Array.from({ length: 7 }, () => client.chain().nop().nop().nop().run());
  const last = client.nop();
  await within(SOON_MS, "all", Promise.all([nop, ...chains, last]));
});

it("and still waits for the threshold where nothing waits for a slot", async () => {
  const { client, engine } = running;
  const before = engine.stats().posted;
  const three = Array.from({ length: 3 }, () => client.nop());
  await pause();
  expect(engine.stats().posted).toBe(before);
  await within(SOON_MS, "all", Promise.all([...three, client.nop()]));
});
