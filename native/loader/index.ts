/** Loads the native addon, and gives it its types. Every thread that loads it gets its own face to the same native code. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { layoutHash } from "@ringpost/protocol";

/** A typed array of any kind, on any kind of buffer. */
export type View = NodeJS.TypedArray;

/** An engine's native half; of the thread that started it alone. */
export interface NativeEngine {
  /** The ring's number in this process. */
  readonly id: number;
  /** IORING_SETUP_* flags that the kernel granted. */
  readonly setupFlags: number;
  /** IORING_FEAT_* flags of the kernel. */
  readonly features: number;
  /** Submissions that the ring takes at once; the kernel has rounded up. */
  readonly entries: number;
  /** Completions that it keeps room for. */
  readonly completionEntries: number;
  /** The ring's own descriptor is registered: the kernel need not look it up with every call (Linux 5.18). */
  readonly registeredRingFd: boolean;
  /** IORING_OP_* that the kernel has. */
  readonly operations: readonly number[];
  /** Waits are bounded by IORING_ENTER_EXT_ARG (Linux 5.11); ppoll otherwise. */
  readonly extendedWait: boolean;
  /** Waits can be for several completions (Linux 6.12). */
  readonly minWait: boolean;
  /** Most worker threads of the kernel per NUMA node, for work that ends by itself and for other work; 0: it doesn't tell (before Linux 5.15). */
  readonly kernelWorkers: { readonly bounded: number; readonly unbounded: number };
  /** Leases are registered with the ring (Linux 5.19). */
  readonly registeredBuffers: boolean;
  /** There is a second ring for polled transfers: `iopoll`. */
  readonly polledRing: boolean;
  /** Serves for half a second or longer, so that the thread can be ended in between: 0, or `RunResult.STOPPED`. */
  run(): number;
}

/** Why there is no engine. */
export interface StartRefusal {
  /** Negative. */
  readonly errno: number;
  /** The option that can't be had here; "" where it gives no ring at all. */
  readonly option: "" | "kernelWorkers" | "sqpoll" | "operations" | "placement";
}

export interface NativeEngineOptions {
  /** The first ring of the engine that this one is another ring of; without it, it is the first. */
  readonly group?: number;
  readonly entries?: number;
  readonly completionEntries?: number;
  readonly deferTaskrun?: boolean;
  readonly iopoll?: boolean;
  readonly sqpoll?: boolean;
  readonly sqpollIdleMs?: number;
  readonly sqpollCpu?: number;
  readonly allowedOperations?: readonly number[];
  readonly allowedRequests?: readonly number[];
  readonly assumePollQueues?: boolean;
  readonly boundedWorkers?: number;
  readonly unboundedWorkers?: number;
  readonly minWaitCompletions?: number;
  readonly minWaitUs?: number;
  /** `PlacementMode`. */
  readonly placement?: number;
  /** Of `PlacementMode.LIST`. */
  readonly cpus?: readonly number[];
  /** `WaitMode`. */
  readonly wait?: number;
  readonly withoutSetupFlags?: number;
  readonly withoutFeatures?: number;
  readonly withoutOperations?: readonly number[];
}

/** A client's native half; of the thread that connected it alone. */
export interface NativeClient {
  /** The number of the ring that serves it, as in the handle. */
  readonly engine: number;
  /** Which of that ring's mailboxes is this client's. */
  readonly index: number;
  /** Lets the request of this slot and generation use the view's memory, until its reply. Where it can't, that is EFAULT. */
  pin(slot: number, generation: number, view: View): void;
  /** The same for the buffers of a readv or writev. */
  pinVectors(slot: number, generation: number, views: readonly View[]): void;
  /**
   * Lets all requests use the view's memory, until the client closes. Where it was never touched, it becomes huge pages. Returns false
   * where there is no such slab.
   */
  pinSlab(slab: number, generation: number, view: View): boolean;
  /** Makes the pages of a slab that is about to be registered: the engine would have to. Takes its time. */
  makePages(slab: number): void;
  /** Where in its huge page, of `HUGE_PAGE_BYTES`, the view's memory begins. */
  pageOffsetOf(view: View): number;
  /**
   * Reads what the page cache has, in this thread (Linux 6.5). Returns `bytes`, or fewer at the end of the file; a negative errno where
   * that can't be done without waiting: EAGAIN of what isn't cached.
   * @param bytes at most those of the view, and 1 GiB
   */
  readHot(fd: number, view: View, bytes: number, positionLow: number, positionHigh: number): number;
  /** The same of a whole file that has fewer bytes than the view (Linux 6.5). Returns its size. */
  readHotFile(path: string, view: View): number;
  /** Wakes the parked engine. */
  ringDoorbell(): void;
  /** Whether the thread's event loop stays alive for this client, and with it the client. In turn: on, off. */
  keepAlive(alive: boolean): void;
  /** Cancels what the client has in flight; the replies come as usual. */
  cancelAll(): void;
  /** Gives the mailbox back. Nothing may be in flight. */
  close(): void;
}

export interface Addon {
  readonly layoutHash: number;
  startEngine(memory: Uint8Array, options: NativeEngineOptions): NativeEngine | StartRefusal;
  /** Returns false where there is no such engine any more. */
  stopEngine(engine: number, graceMs: number): boolean;
  /**
   * Returns a negative errno: EAGAIN all mailboxes are taken, ESHUTDOWN the engine is gone.
   * Connects to the ring with the fewest clients.
   * @param engine the first ring of the engine
   * @param memories of all its rings, whole: they stay as long as the client. Those of another copy of this addon are refused
   * (ESTALE)
   * @param onWake called in this thread's event loop after the engine has taken the client's park away, and when it serves it no more
   * @param credits requests that this client may have with the engine at a time
   * @param weight at least 1
   */
  connect(
    engine: number,
    memories: readonly Uint8Array[],
    onWake: (orphaned: boolean) => void,
    credits: number,
    weight: number,
  ): NativeClient | number;
}

type LoadFrom = (directory: string) => Addon;

/** By the package's name: this file may have become part of a bundle, wherever that lies. */
function findManifest(): string {
  try {
    return createRequire(import.meta.url).resolve("@ringpost/native/package.json");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      "it isn't installed there, nor where a link led to; or a bundle has to leave ringpost out (esbuild: --external:ringpost)";
    const error = new Error(`ringpost: no native addon is found from ${import.meta.url}: ${why}`, {
      cause,
    });
    throw Object.assign(error, { code });
  }
}

function load(): Addon {
  const manifest = findManifest();
  const loadFrom = createRequire(manifest)("node-gyp-build") as LoadFrom; // untyped package: picks a prebuild, or build/Release
  const addon = loadFrom(dirname(manifest));
  if (addon.layoutHash !== layoutHash) {
    throw new Error(
      `ringpost: the native addon was built from another version of the protocol (layout ${addon.layoutHash}, ` +
        `expected ${layoutHash}). Rebuild it: npm run build`,
    );
  }
  return addon;
}

export const addon: Addon = load();
