import {
  checkBoolean,
  checkInteger,
  checkNames,
  checkWeight,
  invalidArgType,
  invalidArgValue,
  type Names,
  outOfRange,
} from "@ringpost/client";
import { MAX_CLIENTS, MAX_SLOT_COUNT } from "@ringpost/protocol";
import { type AllowList, toAllowList } from "./methods.js";
import {
  type PlacementChoice,
  type SqpollOptions,
  toKernelWorkers,
  toMinWait,
  toPlacement,
  toSqpoll,
  toSubmitMode,
  toWaitMode,
} from "./ring-modes.js";

export interface EngineOptions {
  /** What serves the requests. Default "auto": io_uring, for now the only one. */
  readonly backend?: "auto" | "io_uring" | undefined;
  /**
   * Clients that may be connected at a time, 1 to 512, or 512 per ring. Each costs about 2.1 MiB of address space. Divided among the
   * rings in equal parts, rounded up. Default 64.
   */
  readonly maxClients?: number | undefined;
  /**
   * Rings, 1 to 64, each with a thread of its own: for machines on which one thread can't serve all clients. A client is served by
   * the ring that has the fewest when it connects; `engine.client` by the first. All options count for each ring. Default 1.
   */
  readonly rings?: number | undefined;
  /**
   * Requests that one client may have with the engine at a time: a power of two, 2 to 4096, and `maxClients` × `credits` at most
   * 32,764 per ring. Default 256.
   */
  readonly credits?: number | undefined;
  /** Of `engine.client`: how many requests the engine takes in its turn, as a multiple of the others'; 1 to 16. Default 1. */
  readonly weight?: number | undefined;
  /** Requests that may wait in one client for a credit; more reject with EAGAIN. Default 65536. */
  readonly queueLimit?: number | undefined;
  /** Submissions that the ring takes in one system call, 1 to 32768; the kernel rounds up to a power of two. Default 256. */
  readonly entries?: number | undefined;
  /**
   * Completions that the kernel keeps room for: at least two for each credit of each client and 8 of the engine's own, at most
   * 65536; the kernel rounds up to a power of two. Default: the least, and twice `entries`.
   */
  readonly completionEntries?: number | undefined;
  /**
   * Whether completions are posted when the engine asks for them, and not by interrupting it (IORING_SETUP_DEFER_TASKRUN, Linux
   * 6.1). Default true; false is for comparison.
   */
  readonly deferTaskrun?: boolean | undefined;
  /**
   * Whether reads and writes of files and disks that are open with O_DIRECT go to a second ring, whose completions the engine
   * polls the device for (IORING_SETUP_IOPOLL); it keeps its CPU busy as long as there are any. Where the device has no poll
   * queues they reject with EOPNOTSUPP. Default false.
   */
  readonly iopoll?: boolean | undefined;
  /**
   * Whether a thread of the kernel takes the submissions (IORING_SETUP_SQPOLL), so that an engine with work doesn't enter the
   * ring; where completions take longer than 40 µs, it naps between two looks (clock_nanosleep). That thread keeps a CPU busy, and
   * the engine's one as long as completions come faster, until they had nothing to do for `idleMs` (default 100, at most 3600000);
   * then they sleep. `cpu` binds the kernel's thread to one, and keeps the engine's off it. `minWait` counts for that sleep alone.
   * Linux 5.11, before 5.13 with CAP_SYS_NICE (EPERM otherwise); on older kernels the start rejects. Excludes `deferTaskrun: true`.
   * Default false.
   */
  readonly sqpoll?:
    | boolean
    | { readonly idleMs?: number | undefined; readonly cpu?: number | undefined }
    | undefined;
  /**
   * What this engine serves: names of methods, such as `["open", "read", "close"]`. The kernel takes nothing else from its ring
   * (IORING_REGISTER_RESTRICTIONS, Linux 5.10; on older kernels the start rejects); other methods reject with EACCES. A
   * method allows what it is made of, too: `readFile` stat and close; `writeFile` open, write, fsync and close; `truncate` open
   * and close; `mkdir` stat. Default: everything.
   */
  readonly operations?: readonly string[] | undefined;
  /**
   * Most worker threads of the kernel, which carry out what it can't do without blocking, per NUMA node: `bounded` for work that
   * ends by itself (on files, and opening), `unbounded` for the rest (on pipes, say); 1 to 65535 each. Linux 5.15; on older
   * kernels the start rejects. Default: the kernel's own limits. `engine.report.kernelWorkers` says what is in force.
   */
  readonly kernelWorkers?:
    | { readonly bounded?: number | undefined; readonly unbounded?: number | undefined }
    | undefined;
  /**
   * How long the engine sleeps: until there are so many completions (2 to 65536), or as many as the kernel has requests, but with
   * at least one no longer than `us` microseconds (1 to 1000000). Fewer wake-ups for latency: new requests may wait as long, too,
   * while it has two or more; those that wait for events, time, children or words don't count. Linux 6.12; older kernels wait for one, as without it (`engine.report.minWait` is false).
   */
  readonly minWait?: { readonly completions: number; readonly us: number } | undefined;
  /**
   * What a thread that waits does before it sleeps: the engine for requests and completions, a client for replies. To be woken takes
   * microseconds on the same CPU, tens of them across two. "notify": it sleeps at once. "poll": it looks again and again while
   * something is due, for up to 2 ms without anything; a client looks from its event loop, whose timers and other I/O have their turn
   * between two looks. It keeps two CPUs busy, but where a busy engine gets as much done without, as "auto". "auto" (default): both
   * look where it has paid of late, for about as long as a wake-up would take; where a trial gets four fifths as much from a device without, as
   * "notify". An idle or lightly loaded process sleeps.
   */
  readonly wait?: "notify" | "poll" | "auto" | undefined;
  /**
   * On which CPUs the engine's thread runs. To be woken takes microseconds on the same CPU, tens of them across two; on the same, engine
   * and client never work at the same time. "colocate": on the CPU of the client that woke it last. "spread": on any other. "float":
   * wherever the system puts it. A list: on these CPUs alone, which must be of the process's. "auto" (default): as colocated while it is mostly
   * idle; busy, as floating, but where looking doesn't pay (see `wait`) and one client got clearly more done colocated. Threads other than the
   * engine's are never bound.
   */
  readonly placement?: "auto" | "float" | "colocate" | "spread" | readonly number[] | undefined;
  /**
   * When requests leave for the engine: "auto" at once where the engine is awake, else at the end of the turn of the event loop; "manual" with
   * `client.submit()`; with a threshold when so many are posted, when the client has no slot left or too few for what waits, or with
   * `client.submit()`. A cancellation, `next` of a stream that has begun, and closing send what is posted. What hasn't left doesn't keep the
   * process alive. A method that makes several requests one after the other (recursive mkdir, say) needs one submit. Default "auto".
   */
  readonly submit?: "auto" | "manual" | { readonly threshold: number } | undefined;
  /**
   * Whether a client that has one request at a time, or that isn't the only busy one, reads cached data in its own thread, without the
   * engine: `read` of up to 64 KiB at a given position, and `readFile` of a smaller file on ext2 to ext4, xfs or f2fs, where all of it is in
   * the page cache. The event loop has its turn after about 0.1 ms of such reads, 0.4 where several are under way. Linux 6.5; later kernels
   * (6.18) tell only who owns the file or may write to it what is cached. Everything else goes through the ring, and all reads with
   * `sqpoll`, `operations`, or `submit` other than "auto". Default true.
   */
  readonly hotReads?: boolean | undefined;
  /** @internal For tests of old kernels and of index wrap-around. */
  readonly testing?: TestingOptions | undefined;
}

const engineNames = {
  backend: true,
  maxClients: true,
  rings: true,
  credits: true,
  weight: true,
  queueLimit: true,
  entries: true,
  completionEntries: true,
  deferTaskrun: true,
  iopoll: true,
  sqpoll: true,
  operations: true,
  kernelWorkers: true,
  minWait: true,
  wait: true,
  placement: true,
  submit: true,
  hotReads: true,
} satisfies Omit<Names<EngineOptions>, "testing">;
/** Known, but not for a list of those that there are. */
Object.defineProperty(engineNames, "testing", { value: true });

export interface TestingOptions {
  /** IORING_SETUP_* flags not to ask for. */
  readonly withoutSetupFlags?: number;
  /** IORING_FEAT_* flags to do without. */
  readonly withoutFeatures?: number;
  /** IORING_OP_* to do without. */
  readonly withoutOperations?: readonly number[];
  /** Fewer completions than the credits ask for, so that the ring overflows. */
  readonly completionEntries?: number;
  /** Polled transfers go to the kernel whatever sysfs says of their device. */
  readonly assumePollQueues?: boolean;
  /** Where the indexes of all rings start. */
  readonly initialIndex?: number;
}

export interface ResolvedOptions {
  readonly rings: number;
  /** Of each ring. */
  readonly maxClients: number;
  readonly credits: number;
  readonly weight: number;
  readonly queueLimit: number;
  readonly entries: number;
  readonly completionEntries: number;
  readonly deferTaskrun: boolean;
  readonly iopoll: boolean;
  readonly sqpoll: SqpollOptions | undefined;
  readonly operations: AllowList | undefined;
  /** 0: as the kernel has it. */
  readonly kernelWorkers: { readonly bounded: number; readonly unbounded: number };
  readonly minWait: { readonly completions: number; readonly us: number };
  /** {@link WaitMode}. */
  readonly wait: number;
  readonly placement: PlacementChoice;
  /** As a handle carries it. */
  readonly submit: number;
  readonly hotReads: boolean;
  readonly testing: TestingOptions;
}

const MOST_RINGS = 64;

/** Most completions that the kernel keeps room for (IORING_MAX_CQ_ENTRIES of io_uring/io_uring.h). */
const MAX_COMPLETION_ENTRIES = 65_536;

/** Completions of the engine's own (doorbell) that must fit beside the clients'. */
const OWN_COMPLETIONS = 8;

export function resolveOptions(options: EngineOptions = {}): ResolvedOptions {
  if (typeof options !== "object" || options === null)
    throw invalidArgType("options", "of type object", options);
  checkNames(options, "options", engineNames);
  const {
    backend = "auto",
    rings = 1,
    maxClients = 64,
    credits = 256,
    weight = 1,
    queueLimit = 65_536,
    entries = 256,
    deferTaskrun = true,
    iopoll = false,
    hotReads = true,
    testing = {},
  } = options;
  if (backend !== "auto" && backend !== "io_uring") {
    throw invalidArgValue("options.backend", backend, "must be 'auto' or 'io_uring'");
  }
  checkInteger(rings, "options.rings", 1, MOST_RINGS);
  checkInteger(maxClients, "options.maxClients", 1, MAX_CLIENTS * rings);
  const clientsPerRing = Math.ceil(maxClients / rings);
  checkInteger(credits, "options.credits", 2, MAX_SLOT_COUNT);
  if ((credits & (credits - 1)) !== 0)
    throw outOfRange("options.credits", "a power of two", credits);
  checkWeight(weight, "options.weight");
  checkInteger(queueLimit, "options.queueLimit", 0, Number.MAX_SAFE_INTEGER);
  checkInteger(entries, "options.entries", 1, 32_768);
  const sqpoll = toSqpoll(options.sqpoll);
  checkBoolean(deferTaskrun, "options.deferTaskrun");
  if (sqpoll !== undefined && options.deferTaskrun === true)
    throw invalidArgValue("options.deferTaskrun", true, "excludes options.sqpoll");
  checkBoolean(iopoll, "options.iopoll");
  checkBoolean(hotReads, "options.hotReads");
  const allowed = toAllowList(options.operations);
  return {
    rings,
    maxClients: clientsPerRing,
    credits,
    weight,
    queueLimit,
    entries,
    completionEntries:
      testing.completionEntries ??
      toCompletionEntries(options.completionEntries, clientsPerRing, credits, entries),
    deferTaskrun,
    iopoll,
    sqpoll,
    operations: allowed,
    kernelWorkers: toKernelWorkers(options.kernelWorkers),
    minWait: toMinWait(options.minWait),
    wait: toWaitMode(options.wait),
    placement: toPlacement(options.placement),
    submit: toSubmitMode(options.submit),
    hotReads: hotReads && sqpoll === undefined && allowed === undefined,
    testing,
  };
}

const nextPowerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(value));

/** A request in flight has one completion, and one more for its cancellation: so the kernel never runs out of room. */
function toCompletionEntries(
  given: unknown,
  maxClients: number,
  credits: number,
  entries: number,
): number {
  const forClients = 2 * maxClients * credits + OWN_COMPLETIONS;
  if (nextPowerOfTwo(forClients) > MAX_COMPLETION_ENTRIES) {
    throw outOfRange(
      "options.maxClients * options.credits",
      `<= ${(MAX_COMPLETION_ENTRIES - OWN_COMPLETIONS) / 2}`,
      maxClients * credits,
    );
  }
  if (given === undefined) return Math.max(nextPowerOfTwo(forClients), entries * 2);
  // The kernel wants at least as many as there are submissions, which it rounds up.
  const least = Math.max(forClients, nextPowerOfTwo(entries));
  checkInteger(given, "options.completionEntries", least, MAX_COMPLETION_ENTRIES);
  return given;
}
