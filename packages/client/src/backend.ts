import type { Operation } from "@ringpost/protocol";
import type { PendingRequest } from "./pending-request.js";
import type { Lease } from "./slabs.js";

/** Where most methods leave their requests: at the client's backend, or, for a chain, at what collects its steps. */
export interface RequestSink {
  /** The client's number with its engine, as in the statistics. */
  readonly client: number;
  /** A record for a request of this operation, to fill and {@link post}. */
  begin(operation: Operation): PendingRequest;
  /** Takes the request, or lets it wait, or rejects it. Its promise settles in every case, but as a step of a chain. */
  post(request: PendingRequest): void;
}

/**
 * What carries out a client's requests: the one seam between the client's methods, which know operations and arguments,
 * and the way a request is served. `io_uring` is ring-backend.ts; a thread pool can stand behind the same interface.
 */
export interface Backend extends RequestSink {
  /** No backend has the second name yet. */
  readonly name: "io_uring" | "threadpool";
  /** Whether it takes requests: not closing, and its engine not known to be gone. */
  readonly isOpen: boolean;
  /** As {@link post}, of requests that are the steps of one chain: all of them are taken, or none. */
  postChain(steps: readonly PendingRequest[]): void;
  /** Most steps of a chain. */
  readonly longestChain: number;
  /** Cancels a posted request that isn't settled. */
  cancel(request: PendingRequest): void;
  /** Asks for the next events of a stream: once for each time that it has been given some. */
  askForEvents(request: PendingRequest): void;
  /** Cancels what is in flight on a descriptor, or everything. */
  cancelDescriptor(fd: number): void;
  cancelAll(): void;
  /** Sends what this turn of the event loop has posted, now and not at its end. */
  submit(): void;
  /** Resolves when no request waits for a slot. */
  drain(): Promise<void>;
  lease(bytes: number): Lease;
  /** Lets posted requests finish as long as some do; cancels the rest after `graceMs` without progress. */
  close(graceMs: number): Promise<void>;
}
