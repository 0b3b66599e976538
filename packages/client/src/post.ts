import type { Operation } from "@ringpost/protocol";
import { checkFd } from "./arguments.js";
import type { Backend } from "./backend.js";
import { type Control, toControl } from "./options.js";
import { nothing, type PendingRequest } from "./pending-request.js";
import { isListenedTo, publishRequest } from "./request-events.js";

/**
 * Hands a filled request over. Its promise settles in every case.
 * @param options those of the call, whatever else they say: the signal and the timeout are for here
 */
export function post<T>(backend: Backend, request: PendingRequest, options?: unknown): Promise<T> {
  if (options === undefined) return postControlled(backend, request, undefined);
  try {
    return postControlled(backend, request, toControl(options));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** As {@link post}, of a call that makes several requests. */
export function postControlled<T>(
  backend: Backend,
  request: PendingRequest,
  control: Control | undefined,
): Promise<T> {
  if (control !== undefined) {
    request.signal = control.signal;
    request.deadline = control.deadline;
  }
  const promise = request.promise<T>();
  if (isListenedTo() && !request.isCollected) publishRequest(request, backend.client);
  backend.post(request);
  return promise;
}

/** A request about a descriptor alone. */
export function postForDescriptor(
  backend: Backend,
  operation: Operation,
  fd: unknown,
  options?: unknown,
): Promise<void> {
  try {
    checkFd(fd);
  } catch (error) {
    return Promise.reject(error);
  }
  const request = backend.begin(operation);
  request.fd = fd;
  request.decode = nothing;
  return post(backend, request, options);
}
