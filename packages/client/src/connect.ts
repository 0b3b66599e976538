import { isSharedArrayBuffer } from "node:util/types";
import { Mailbox, readGeometry } from "@ringpost/mailbox";
import { addon } from "@ringpost/native";
import { EAGAIN, ENOMEM, EngineWord, ESTALE, layoutHash, PAGE_BYTES } from "@ringpost/protocol";
import { checkBoolean, checkInteger } from "./arguments.js";
import { Client } from "./client.js";
import { type ClientShare, checkWeight, toShare } from "./client-share.js";
import { closedError, invalidArgType, operationError } from "./node-errors.js";
import { RingBackend } from "./ring-backend.js";
import { SubmitMode } from "./send-off.js";

/** One ring of an engine. */
export interface RingHandle {
  /** Its number in this process. */
  readonly engine: number;
  readonly memory: SharedArrayBuffer;
}

/** How a thread finds an engine of its process: plain data, for workerData and postMessage. */
export interface EngineHandle extends RingHandle {
  /** Which layout the memory has; both sides must be of one version. */
  readonly ringpost: number;
  /** Besides the one that the handle itself names. */
  readonly otherRings: readonly RingHandle[];
  /** Requests that may wait for a slot in each client. */
  readonly queueLimit: number;
  /** {@link SubmitMode}, or a threshold. */
  readonly submit: number;
  /** Whether clients read cached data by themselves: hot-reads.ts. */
  readonly hotReads: boolean;
  /** {@link ClientShare} of those who connect without one of their own. */
  readonly credits: number;
  readonly weight: number;
}

/** Throws where it is not the handle of an engine, or of another version than this thread has loaded. */
export function checkHandle(handle: unknown): asserts handle is EngineHandle {
  const given = handle as Partial<EngineHandle> | null | undefined; // each property is looked at below
  if (typeof given !== "object" || given === null || !isSharedArrayBuffer(given.memory)) {
    throw invalidArgType("handle", "the handle of an engine, from engine.handle()", handle);
  }
  // First, as another version's has other properties.
  if (typeof given.ringpost === "number" && given.ringpost !== layoutHash) throw versionError();
  if (!Array.isArray(given.otherRings)) {
    throw invalidArgType("handle.otherRings", "an instance of Array", given.otherRings);
  }
  for (const ring of given.otherRings as unknown[]) checkRing(ring);
  checkRing(given);
  checkInteger(given.queueLimit, "handle.queueLimit", 0, Number.MAX_SAFE_INTEGER);
  checkInteger(given.submit, "handle.submit", SubmitMode.MANUAL, Number.MAX_SAFE_INTEGER);
  checkBoolean(given.hotReads, "handle.hotReads");
  const rings = [given as RingHandle, ...(given.otherRings as RingHandle[])]; // looked at above
  if (given.ringpost !== layoutHash || !rings.every(({ memory }) => isLaidOut(memory))) {
    throw versionError();
  }
  checkInteger(given.credits, "handle.credits", 2, readGeometry(given.memory).slotCount);
  checkWeight(given.weight, "handle.weight");
}

function versionError(): Error {
  const message =
    "The handle is of another version or copy of ringpost than this thread has loaded";
  return Object.assign(new Error(message), { code: "ERR_RINGPOST_VERSION" });
}

function checkRing(given: unknown): void {
  const { engine, memory } = (given ?? {}) as Partial<RingHandle>; // looked at right here
  if (typeof engine !== "number") throw invalidArgType("handle.engine", "of type number", engine);
  if (engine >>> 0 !== engine) throw closedError("engine");
  if (!isSharedArrayBuffer(memory))
    throw invalidArgType("handle.memory", "an instance of SharedArrayBuffer", memory);
}

/** Whether the memory is that of an engine of this version; looked at before a seat is taken. */
function isLaidOut(memory: SharedArrayBuffer): boolean {
  if (memory.byteLength < PAGE_BYTES) return false;
  const written = new Uint32Array(memory)[EngineWord.LAYOUT_HASH];
  return written === layoutHash && readGeometry(memory).totalBytes === memory.byteLength;
}

function ringsOf(handle: EngineHandle) {
  const rings: readonly RingHandle[] = [handle, ...handle.otherRings];
  return {
    engines: rings.map(({ engine }) => engine),
    memories: rings.map(({ memory }) => memory),
  };
}

/** Makes a client at once; what {@link connect} wraps in a promise. */
export function connectNow(handle: EngineHandle, options?: ClientShare): Client {
  checkHandle(handle);
  const { slotCount, maxClients } = readGeometry(handle.memory);
  const { credits, weight } = toShare(options, "options", handle, slotCount);
  // Native code holds the callback, and with it all of the client, while requests are in flight. A client that has none, and that
  // nobody else holds, can be collected, and then closes.
  let backend: RingBackend | undefined;
  const onWake = (orphaned: boolean): void => backend?.wake(orphaned);
  const rings = ringsOf(handle);
  const memories = rings.memories.map((memory) => new Uint8Array(memory));
  const native = addon.connect(handle.engine, memories, onWake, credits, weight);
  if (typeof native === "number") throw refusedConnection(native);
  const nth = rings.engines.indexOf(native.engine);
  const mailbox = new Mailbox(rings.memories[nth]!, native.index); // it is one of the handle's
  const firstClient = nth * maxClients;
  const { queueLimit, submit, hotReads } = handle;
  backend = new RingBackend(native, mailbox, queueLimit, submit, credits, firstClient, hotReads);
  return new Client(backend);
}

function refusedConnection(errno: number): Error {
  if (errno === ESTALE) return versionError();
  if (errno === ENOMEM) return operationError(errno, "connect");
  if (errno !== EAGAIN) return closedError("engine");
  return Object.assign(
    new Error(
      "EAGAIN: the engine has all the clients it has room for; raise Engine.start's maxClients",
    ),
    { code: "EAGAIN", errno },
  );
}

/**
 * Connects this thread to an engine of the process: at once, without a message to the engine. Where all of its clients are connected
 * and one is closing, it blocks this thread until that one has closed: microseconds as a rule, at most 0.1 s for each of the
 * engine's rings, and that only where the kernel can't cancel what the other had in flight. Then it rejects with `EAGAIN`.
 *
 * Rejects with `ERR_RINGPOST_CLOSED` where the engine is closed, and with `ERR_RINGPOST_VERSION` where the handle is of another version
 * of ringpost than this thread has loaded.
 * @param handle from `engine.handle()`, through workerData or postMessage
 * @param options in place of what the handle says
 * @returns a client for this thread; it closes by itself when the thread ends
 */
export async function connect(handle: EngineHandle, options?: ClientShare): Promise<Client> {
  return connectNow(handle, options);
}
