import type { Operation } from "@ringpost/protocol";
import { checkFd } from "./arguments.js";
import type { RequestSink } from "./backend.js";
import {
  type Control,
  type RequestOptions,
  requestNames,
  toControl,
  toOptions,
} from "./options.js";
import { nothing, type PendingRequest } from "./pending-request.js";
import { isListenedTo, publishRequest } from "./request-events.js";

/**
 * Hands a filled request over. Its promise settles in every case.
 * @param options those of the call, whatever else they say: the signal and the timeout are for here
 */
export function post<T>(sink: RequestSink, request: PendingRequest, options?: unknown): Promise<T> {
  if (options === undefined) return postControlled(sink, request, undefined);
  try {
    return postControlled(sink, request, toControl(options));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** As {@link post}, of a call that has no other options: one that nobody knows is refused, where it would be missed. */
export function postStrictly<T>(
  sink: RequestSink,
  request: PendingRequest,
  options: RequestOptions | undefined,
): Promise<T> {
  if (options === undefined) return postControlled(sink, request, undefined);
  try {
    toOptions<RequestOptions>(options, requestNames);
  } catch (error) {
    return Promise.reject(error);
  }
  return post(sink, request, options);
}

/** As {@link post}, of a call that makes several requests. */
export function postControlled<T>(
  sink: RequestSink,
  request: PendingRequest,
  control: Control | undefined,
): Promise<T> {
  if (control !== undefined) {
    request.signal = control.signal;
    request.deadline = control.deadline;
  }
  const promise = request.promise<T>();
  if (isListenedTo() && !request.isCollected) publishRequest(request, sink.client);
  sink.post(request);
  return promise;
}

/** A request about a descriptor alone. */
export function postForDescriptor(
  sink: RequestSink,
  operation: Operation,
  fd: unknown,
  options?: unknown,
): Promise<void> {
  try {
    checkFd(fd);
  } catch (error) {
    return Promise.reject(error);
  }
  const request = sink.begin(operation);
  request.fd = fd;
  request.decode = nothing;
  return post(sink, request, options);
}

/**
 * What it throws, a wrong argument above all, rejects. In place of an async method: a step of a chain has a promise that never settles,
 * and what awaits that would be kept for ever. Methods that are called most often do the same without a function for each call.
 */
export function orReject<T>(post: () => Promise<T>): Promise<T> {
  try {
    return post();
  } catch (error) {
    return Promise.reject(error);
  }
}
