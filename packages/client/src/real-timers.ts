/**
 * What the event loop offers, as it was when this module was loaded. Tests of programs put fake timers in its place (node:test, vitest,
 * jest), which stand still until they are told to go on: replies come from outside of that, and would never be read.
 */
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
export const nextTick: typeof process.nextTick = process.nextTick;
export const performance: typeof globalThis.performance = globalThis.performance;
export const hrtime: typeof process.hrtime = process.hrtime;

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
