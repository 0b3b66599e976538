/** Random numbers that can be had again: every user prints its seed, and takes it from RINGPOST_SEED. */

export interface Random {
  readonly seed: number;
  /** An unsigned 32-bit integer. */
  u32(): number;
  /** An integer from 0 to below - 1. */
  below(below: number): number;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: 32 bits of state, good enough to vary a test. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((u32() / 2 ** 32) * limit);
  return { seed, u32, below, pick: (from) => from[below(from.length)]! };
}

/** The seed of this run, printed with how to run it again. */
export function chooseSeed(what: string): number {
  const given = process.env.RINGPOST_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  process.stdout.write(`${what}: RINGPOST_SEED=${seed}\n`);
  return seed;
}

export function seededRandom(what: string): Random {
  return makeRandom(chooseSeed(what));
}
