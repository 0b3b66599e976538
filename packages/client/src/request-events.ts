/**
 * What `node:diagnostics_channel` hears of requests, on the client's thread. While nobody subscribes, a request costs one look at
 * two channels, and its reply nothing: a listened-to request brings its own way of telling, in place of its promise's functions.
 */
import { AsyncResource } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { isPromise } from "node:util/types";
import { type OperationName, operations } from "@ringpost/protocol";
import type { PendingRequest } from "./pending-request.js";
import { hrtime, nextTick } from "./real-timers.js";

/**
 * Message of `ringpost:request`, when a request is posted; the same object is the message of `ringpost:reply`, when its promise
 * settles, completed by then. So what a subscriber attaches to it (by a WeakMap, say) is found again.
 */
export interface RequestEvent {
  /** Number of the request within its thread, from 1 on. */
  readonly id: number;
  /** Which client of the engine, as in `engine.stats().clients`. */
  readonly client: number;
  /** The client's method; of a method that makes several requests the single step ("readRest" of a long readFile, whose own reply comes last). */
  readonly operation: OperationName;
  /** The descriptor, or undefined. */
  readonly fd: number | undefined;
  readonly path: string | undefined;
  /** The second path of an operation that has one. */
  readonly dest: string | undefined;
  /** Bytes that were asked for, of operations that move a caller's bytes. */
  readonly bytes: number | undefined;
  /** What the promise resolves to; undefined before the reply, and where it rejects. */
  readonly result: unknown;
  /** What the promise rejects with. */
  readonly error: Error | undefined;
  /** From post to settled, in ns, the time that it waited in the client included. NaN before the reply. */
  readonly durationNs: number;
}

/** The reply fills it in. */
type OpenEvent = { -readonly [Property in keyof RequestEvent]: RequestEvent[Property] };

type Tell = (outcome: Partial<Pick<RequestEvent, "result" | "error">>) => void;

const requests = channel("ringpost:request");
const replies = channel("ringpost:reply");

const names = new Map<number, OperationName>(
  // Object.entries forgets which strings the names are.
  Object.entries(operations).map(([name, { opcode }]) => [opcode, name as OperationName]),
);

let lastId = 0;

export function isListenedTo(): boolean {
  return requests.hasSubscribers || replies.hasSubscribers;
}

/** The request is filled in, and about to be posted. What a subscriber throws is Node's to report, and reaches no request. */
export function publishRequest(request: PendingRequest, client: number): void {
  const event = describe(request, client);
  const postedNs = hrtime.bigint();
  // The context of the call (AsyncLocalStorage), as the program's own continuation has it: replies are settled in anyone's.
  const context = new AsyncResource("ringpost:request");
  const tell: Tell = context.bind((outcome) => {
    try {
      Object.assign(event, outcome, { durationNs: Number(hrtime.bigint() - postedNs) });
      replies.publish(event);
    } catch (error) {
      // A subscriber has frozen it. As Node does with what subscribers throw:
      nextTick(() => {
        throw error;
      });
    }
  });
  const { decode, resolve, reject } = request;
  if (decode !== undefined) request.decode = context.bind(decode); // it posts what a readFile goes on with
  request.resolve = (value) => {
    // Of a readFile that goes on in further requests.
    resolve.call(request, isPromise(value) ? telling(value, tell) : value);
    if (!isPromise(value)) tell({ result: value });
  };
  request.reject = (error) => {
    reject.call(request, error);
    tell({ error });
  };
  requests.publish(event);
}

/** The same promise, of whose end somebody is told. No async function: that would be seen in the stack of the error. */
function telling(promise: Promise<unknown>, tell: Tell): Promise<unknown> {
  return promise.then(
    (result) => {
      tell({ result });
      return result;
    },
    (error: Error) => {
      tell({ error });
      throw error;
    },
  );
}

function describe(request: PendingRequest, client: number): OpenEvent {
  return {
    id: ++lastId,
    client,
    operation: names.get(request.opcode)!, // begin() takes opcodes from the same table
    fd: request.fd < 0 ? undefined : request.fd,
    path: request.shownPath(),
    dest: request.shownDest(),
    bytes: bytesOf(request),
    result: undefined,
    error: undefined,
    durationNs: Number.NaN,
  };
}

function bytesOf({ view, views, length }: PendingRequest): number | undefined {
  if (views !== undefined) return views.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return view === undefined ? undefined : length;
}
