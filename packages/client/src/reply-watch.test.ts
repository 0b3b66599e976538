import { EngineWord, WaitMode } from "@ringpost/protocol";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ReplyWatch } from "./reply-watch.js";

let nowUs = 1;
beforeEach(() => void vi.spyOn(performance, "now").mockImplementation(() => nowUs / 1000));
afterEach(() => vi.restoreAllMocks());

const wordsOf = (mode: number): Int32Array => {
  const words = new Int32Array(EngineWord.WAIT_MODE + 1);
  words[EngineWord.WAIT_MODE] = mode;
  return words;
};

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

it("looks as long as replies come soon, and ever more rarely where they don't", () => {
  const watch = new ReplyWatch(wordsOf(WaitMode.AUTO));
  for (let nth = 0; nth < 20; nth++) expect(waitFor(watch, 10)).toBe(10);
  const waits = Array.from({ length: 1000 }, () => waitFor(watch, 500));
  const looks = waits.filter((looked) => looked > 0).length;
  expect(looks).toBeGreaterThan(5);
  expect(looks).toBeLessThan(25);
  const again = Array.from({ length: 300 }, () => waitFor(watch, 10));
  expect(again.slice(-20)).toEqual(new Array(20).fill(10));
});

it("parks in the middle of a wait that is longer than a wake-up costs", () => {
  const watch = new ReplyWatch(wordsOf(WaitMode.AUTO));
  const looked = waitFor(watch, 1000);
  expect(looked).toBeGreaterThan(40);
  expect(looked).toBeLessThan(60);
});

it("pays replies that nobody waited for no attention", () => {
  const watch = new ReplyWatch(wordsOf(WaitMode.AUTO));
  waitFor(watch, 10);
  nowUs += 1000;
  watch.replied();
  expect(waitFor(watch, 10)).toBe(10);
});

it("never looks while the engine says so, and starts afresh when it says otherwise", () => {
  const words = wordsOf(WaitMode.AUTO);
  const watch = new ReplyWatch(words);
  for (let nth = 0; nth < 100; nth++) waitFor(watch, 500);
  words[EngineWord.WAIT_MODE] = WaitMode.NOTIFY;
  for (let nth = 0; nth < 100; nth++) expect(waitFor(watch, 10)).toBe(0);
  words[EngineWord.WAIT_MODE] = WaitMode.AUTO;
  expect(waitFor(watch, 10)).toBe(10);
});

it("polls for much longer where it is told to, and parks at once where it is told that", () => {
  const polls = new ReplyWatch(wordsOf(WaitMode.POLL));
  for (let nth = 0; nth < 10; nth++) expect(waitFor(polls, 1500)).toBe(1500);
  expect(waitFor(polls, 5000)).toBeLessThan(2200);
  const sleeps = new ReplyWatch(wordsOf(WaitMode.NOTIFY));
  for (let nth = 0; nth < 10; nth++) expect(waitFor(sleeps, 10)).toBe(0);
});

it("finds out twice as fast where somebody else has this CPU", () => {
  const looksOf = (pauseUs: number): number => {
    const watch = new ReplyWatch(wordsOf(WaitMode.POLL));
    let looks = 0;
    for (let nth = 0; nth < 40; nth++) {
      if (watch.looksOn()) looks++;
      nowUs += pauseUs;
      if (watch.looksOn()) watch.looksOn();
      watch.replied();
    }
    return looks;
  };
  expect(looksOf(500)).toBe(40);
  expect(looksOf(3000)).toBeLessThan(5);
});
