/** Who takes part in the experiment. A new one of a known kind is one entry of the list. */
import type { EngineOptions } from "ringpost";
import type { Tone } from "../chart.js";

export type Way =
  | { readonly kind: "ringpost"; readonly options: EngineOptions }
  | { readonly kind: "fio"; readonly engine: string; readonly args: readonly string[] }
  | {
      readonly kind: "node";
      readonly api: "FileHandle" | "callbacks";
      /** Threads of libuv: as many as the depth, or Node's usual four. */
      readonly threads: "depth" | "usual";
      readonly ring: boolean;
    }
  | { readonly kind: "piscina" };

export interface Rival {
  readonly name: string;
  readonly tone: Tone;
  /** How it is driven, for the report. */
  readonly note: string;
  readonly way: Way;
  /** What ringpost has to reach, as a share of {@link FIO_URING}'s operations per second. */
  readonly shareOfFio?: { readonly direct: number; readonly buffered: number };
}

export const FIO_URING = "fio io_uring";

const REGISTERED = ["--fixedbufs=1", "--registerfiles=1"];

function ringpost(
  name: string,
  options: EngineOptions,
  note: string,
  shareOfFio?: Rival["shareOfFio"],
): Rival {
  const way = { kind: "ringpost", options } as const;
  return { name, tone: "ours", note, way, ...(shareOfFio && { shareOfFio }) };
}

function fio(name: string, engine: string, note: string, args: readonly string[] = []): Rival {
  return { name, tone: "reference", note, way: { kind: "fio", engine, args } };
}

function node(
  name: string,
  api: "FileHandle" | "callbacks",
  note: string,
  { threads = "depth", ring = false }: { threads?: "depth" | "usual"; ring?: boolean } = {},
): Rival {
  return { name, tone: "rival", note, way: { kind: "node", api, threads, ring } };
}

export const rivals: readonly Rival[] = [
  ringpost("ringpost", {}, "client.read and client.write of leases, as Engine.start() is", {
    direct: 0.85,
    buffered: 0.8,
  }),
  ringpost("ringpost, poll", { wait: "poll" }, 'the same with Engine.start({ wait: "poll" })', {
    direct: 0.95,
    buffered: 0.8,
  }),
  ringpost("ringpost, sqpoll", { sqpoll: true }, "the same with Engine.start({ sqpoll: true })"),
  fio(
    FIO_URING,
    "io_uring",
    "one thread; with registered buffers, which leases are too, and a registered file",
    REGISTERED,
  ),
  fio("fio io_uring, plain", "io_uring", "one thread; fio's defaults, as the article has them"),
  fio("fio libaio", "libaio", "one thread"),
  fio("fio psync", "psync", "as many threads as the depth, each with one pread or pwrite"),
  node("FileHandle", "FileHandle", "read and write of node:fs/promises, libuv's usual 4 threads", {
    threads: "usual",
  }),
  node("fs callbacks", "callbacks", "fs.read and fs.write, UV_THREADPOOL_SIZE = depth"),
  node(
    "fs callbacks, UV_USE_IO_URING",
    "callbacks",
    "the same with UV_USE_IO_URING=1: where libuv's ring serves them, reads and writes go through it and not through threads (its ring has SQPOLL)",
    { ring: true },
  ),
  {
    name: "piscina + sync fs",
    tone: "rival",
    note: "as many workers as the depth; each task loops over readSync and writeSync until the time is up",
    way: { kind: "piscina" },
  },
];

/** @throws an Error for a name that nobody has */
export function chooseRivals(names: string): Rival[] {
  return names.split(",").flatMap((text) => {
    const wanted = text.trim();
    const chosen = rivals.filter(({ name }) => shortName(name) === shortName(wanted));
    if (chosen.length > 0) return chosen;
    const known = rivals.map(({ name }) => shortName(name)).join(", ");
    throw new Error(`Nobody is called ${wanted}; there are ${known}`);
  });
}

export function shortName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9_]+/g, "-");
}

export function rivalNamed(name: string): Rival {
  const rival = rivals.find((other) => other.name === name);
  if (rival === undefined) throw new Error(`Nobody is called ${name}`);
  return rival;
}
