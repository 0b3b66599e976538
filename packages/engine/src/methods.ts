/** The methods of a client by name, and what they need: for `supports`, and for the allow-list of `operations`. */
import { invalidArgType, invalidArgValue } from "@ringpost/client";
import {
  type Operation,
  type OperationName,
  operations,
  type RingOperation,
  ringOperations,
} from "@ringpost/protocol";

/** Each method's row in the table of operations. */
const rowOf = new Map<string, Operation>(
  Object.values<Operation>(operations).flatMap((row) =>
    [...row.call.matchAll(/(\w+)\(/g)].map(([, method]) => [method!, row] as const),
  ),
);

/** Requests that a method makes besides that of its own row. */
const alsoMakes: Readonly<Record<string, readonly OperationName[]>> = {
  mkdir: ["stat"], // recursive, and there is something of that name
  readFile: ["stat", "readRest", "close"],
  truncate: ["open", "close"],
  writeFile: ["open", "write", "fsync", "close"],
};

/** Requests that are no work: a lease is made known, something is cancelled. */
const always: readonly OperationName[] = ["registerSlab", "cancel"];

/** What the engine puts into the ring by itself: it listens for its doorbell, cancels, and closes what a chain has opened. */
const ownSubmissions: readonly RingOperation[] = ["POLL_ADD", "ASYNC_CANCEL", "CLOSE"];

/** In registered memory a transfer is another operation. */
const inLeases: readonly (readonly [RingOperation, RingOperation])[] = [
  ["READ", "READ_FIXED"],
  ["WRITE", "WRITE_FIXED"],
];

/** What an engine serves; everything, where it is undefined. */
export interface AllowList {
  /** Requests, which the engine lets pass. */
  readonly requests: ReadonlySet<Operation>;
  /** IORING_OP_* that the kernel lets pass. */
  readonly submissions: readonly number[];
}

/** What a method puts into the ring. */
export function submissionsOf(method: unknown, name: string): readonly RingOperation[] {
  const row = rowOf.get(method as string); // whatever it is, it is there or not
  if (row === undefined) throw invalidArgValue(name, method, "must be the name of an operation");
  return row.submits;
}

function requestsOf(method: string): readonly Operation[] {
  return [rowOf.get(method)!, ...(alsoMakes[method] ?? []).map((also) => operations[also])];
}

/** Whether all requests of a method that has a row are on the list: by its own name, or as other methods make them. */
export function isAllowed({ requests }: AllowList, method: string): boolean {
  return requestsOf(method).every((row) => requests.has(row));
}

export function toAllowList(given: unknown): AllowList | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given))
    throw invalidArgType("options.operations", "an instance of Array", given);
  const requests = new Set<Operation>(always.map((name) => operations[name]));
  const submissions = new Set<RingOperation>(ownSubmissions);
  for (const [nth, method] of given.entries()) {
    submissionsOf(method, `options.operations[${nth}]`);
    for (const row of requestsOf(method as string)) {
      // it has a row
      requests.add(row);
      for (const submitted of row.submits) submissions.add(submitted);
    }
  }
  for (const [plain, inLease] of inLeases) if (submissions.has(plain)) submissions.add(inLease);
  return {
    requests,
    submissions: [...submissions].map((name) => ringOperations[name]),
  };
}
