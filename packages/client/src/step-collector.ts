import type { Operation } from "@ringpost/protocol";
import type { RequestSink } from "./backend.js";
import type { PendingRequest } from "./pending-request.js";

/**
 * Stands in the place of a client's backend while a chain is collected: the client's own methods check the arguments and fill the
 * request, and what they post becomes the chain's next step.
 */
export class StepCollector implements RequestSink {
  readonly #backend: RequestSink;
  #posted: PendingRequest | undefined;

  constructor(backend: RequestSink) {
    this.#backend = backend;
  }

  get client(): number {
    return this.#backend.client;
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
}
