/** A submit sent as many waiting requests as waited then, but counted each step of a chain: the last chains never left. */
import { it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";

const CREDITS = 4;
const running = useEngine({ credits: CREDITS, submit: "manual" });

it("one submit sends all chains that wait for slots", async () => {
  const { client } = running;
  const chains = Array.from({ length: 5 }, () => client.chain().nop().nop().nop().nop().run());
  client.submit();
  await within(SOON_MS, "all chains", Promise.all(chains));
});
