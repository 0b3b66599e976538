import type { Operation } from "@ringpost/protocol";
import type { Backend } from "./backend.js";
import type { PendingRequest } from "./pending-request.js";
import type { Lease } from "./slabs.js";

/**
 * Stands in for a client's backend while a chain is collected: the client's own methods check the arguments and fill the request,
 * and what they post becomes the chain's next step.
 */
export class StepCollector implements Backend {
  readonly #backend: Backend;
  #posted: PendingRequest | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get name(): Backend["name"] {
    return this.#backend.name;
  }

  get client(): number {
    return this.#backend.client;
  }

  get isOpen(): boolean {
    return this.#backend.isOpen;
  }

  get longestChain(): number {
    return this.#backend.longestChain;
  }

  /** What has been posted since the last call; undefined where the arguments were wrong. */
  take(): PendingRequest | undefined {
    const posted = this.#posted;
    this.#posted = undefined;
    return posted;
  }

  begin(operation: Operation): PendingRequest {
    const request = this.#backend.begin(operation);
    request.isCollected = true;
    return request;
  }

  post(request: PendingRequest): void {
    this.#posted = request;
  }

  postChain(steps: readonly PendingRequest[]): void {
    this.#backend.postChain(steps);
  }

  // What is no step goes where it always goes.

  cancel(request: PendingRequest): void {
    this.#backend.cancel(request);
  }

  askForEvents(request: PendingRequest): void {
    this.#backend.askForEvents(request);
  }

  cancelDescriptor(fd: number): void {
    this.#backend.cancelDescriptor(fd);
  }

  cancelAll(): void {
    this.#backend.cancelAll();
  }

  submit(): void {
    this.#backend.submit();
  }

  drain(): Promise<void> {
    return this.#backend.drain();
  }

  lease(bytes: number): Lease {
    return this.#backend.lease(bytes);
  }

  close(graceMs: number): Promise<void> {
    return this.#backend.close(graceMs);
  }
}
