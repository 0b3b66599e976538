/** Who is compared: a way to do file I/O, with so many workers. Its name in the report says all that a child process needs. */

export const CONTENDERS = {
  sync: "piscina + sync fs",
  copied: "piscina + sync fs, bytes copied",
  promises: "piscina + fs/promises",
  tuned: "piscina + fs/promises, tuned",
  shared: "piscina + one ringpost engine",
  main: "ringpost, main thread",
  tinypool: "tinypool + sync fs",
} as const;

export type Contender = keyof typeof CONTENDERS;

export const contenders: readonly Contender[] = Object.keys(CONTENDERS) as Contender[]; // the keys of a constant

export interface Rival {
  readonly contender: Contender;
  /** undefined: no pool. */
  readonly workers?: number | undefined;
  /** UV_THREADPOOL_SIZE, where it isn't Node's own choice. */
  readonly threadPoolSize?: number | undefined;
}

export function rivalName({ contender, workers, threadPoolSize }: Rival): string {
  const parts = [
    CONTENDERS[contender],
    ...(threadPoolSize === undefined ? [] : [`UV_THREADPOOL_SIZE ${threadPoolSize}`]),
    ...(workers === undefined ? [] : [`${workers} worker${workers === 1 ? "" : "s"}`]),
  ];
  return parts.join("; ");
}

export function parseRival(name: string): Rival {
  const title = name.split("; ")[0];
  const contender = contenders.find((key) => CONTENDERS[key] === title);
  if (contender === undefined) throw new Error(`There is no rival ${name}`);
  return {
    contender,
    workers: numberIn(name, /; (\d+) workers?$/),
    threadPoolSize: numberIn(name, /; UV_THREADPOOL_SIZE (\d+)/),
  };
}

function numberIn(name: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
