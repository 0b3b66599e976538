import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ReplyWatch } from "./reply-watch.js";

let nowUs = 1;
beforeEach(() => void vi.spyOn(performance, "now").mockImplementation(() => nowUs / 1000));
afterEach(() => vi.restoreAllMocks());

/** One wait of a client that looks every microsecond until it is told to park. Returns how long it looked, in µs. */
function waitFor(watch: ReplyWatch, replyAfterUs: number): number {
  let looked = 0;
  let waited = 0;
  while (waited < replyAfterUs) {
    if (looked === waited && watch.looksOn()) looked++;
    nowUs++;
    waited++;
  }
  watch.replied();
  return looked;
}

it("looks as long as replies come soon, and parks at once where they don't", () => {
  const watch = new ReplyWatch();
  expect(waitFor(watch, 10)).toBe(0); // the first wait is to show what is usual
  for (let nth = 0; nth < 20; nth++) expect(waitFor(watch, 10)).toBe(10);
  for (let nth = 0; nth < 20; nth++) waitFor(watch, 200);
  expect(waitFor(watch, 200)).toBe(0);
  for (let nth = 0; nth < 40; nth++) waitFor(watch, 10);
  expect(waitFor(watch, 10)).toBe(10);
});

it("parks in the middle of a wait that is longer than usual", () => {
  const watch = new ReplyWatch();
  for (let nth = 0; nth < 20; nth++) waitFor(watch, 10);
  const looked = waitFor(watch, 1000);
  expect(looked).toBeGreaterThan(30);
  expect(looked).toBeLessThan(60);
});

it("pays replies that nobody waited for no attention", () => {
  const watch = new ReplyWatch();
  waitFor(watch, 10);
  nowUs += 1000;
  watch.replied();
  expect(waitFor(watch, 10)).toBe(10);
});
