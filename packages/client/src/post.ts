import type { Operation } from "@ringpost/protocol";
import { checkFd } from "./arguments.js";
import type { Backend } from "./backend.js";
import { nothing, type PendingRequest } from "./pending-request.js";

/** Hands a filled request over. Its promise settles in every case. */
export function post<T>(backend: Backend, request: PendingRequest): Promise<T> {
  const promise = request.promise<T>();
  backend.post(request);
  return promise;
}

/** A request about a descriptor alone. */
export function postForDescriptor(
  backend: Backend,
  operation: Operation,
  fd: unknown,
): Promise<void> {
  try {
    checkFd(fd);
  } catch (error) {
    return Promise.reject(error);
  }
  const request = backend.begin(operation);
  request.fd = fd;
  request.decode = nothing;
  return post(backend, request);
}
