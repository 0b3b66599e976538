import { expect, test } from "vitest";
import { ByteBudget } from "./byte-budget.js";

test("bytes are handed out in the order they were asked for, never more than there are", async () => {
  const budget = new ByteBudget(10);
  const served: string[] = [];
  const take = async (name: string, bytes: number): Promise<number> => {
    const taken = await budget.take(bytes);
    served.push(name);
    return taken;
  };
  const first = await take("first", 6);
  const more = [take("huge", 1000), take("small", 1)];
  await new Promise(setImmediate);
  expect(served).toEqual(["first"]); // the small one doesn't overtake

  budget.give(first);
  expect(await more[0]).toBe(10);
  expect(served).toEqual(["first", "huge"]);
  budget.give(10);
  expect(await more[1]).toBe(1);
});
