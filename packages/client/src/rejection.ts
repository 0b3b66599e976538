/**
 * How a failure reaches the program: with the stack of who awaits it, as with node:fs/promises. An error is made while a reply is
 * settled, when the stack is this library's own; V8 tells who awaits a promise only to what runs as that promise's reaction.
 */

const { captureStackTrace } = Error; // the program may replace it

const FRAME = "\n    at ";

const captureAwaiting = (error: Error): never => {
  const { stack: made } = error;
  captureStackTrace(error, captureAwaiting);
  // Where nobody awaits it, that of who has made the call, or has cancelled it, is better than none.
  if (made?.includes(FRAME) && !error.stack?.includes(FRAME)) error.stack = made;
  throw error;
};

/**
 * The failure is heard two microtasks later than a success would be.
 * @param resolve of the promise that is to reject
 */
export function rejectTracing(resolve: (failure: Promise<never>) => void, error: Error): void {
  let reject: (error: Error) => void;
  const failure = new Promise<never>((_resolve, rejectIt) => {
    reject = rejectIt;
  });
  resolve(failure.catch(captureAwaiting)); // before it rejects, or V8 wouldn't find the way from here to there
  reject!(error);
}

/** Calls when what is rejected now has been: what it does is heard after that. */
export function afterRejection(call: () => void): void {
  queueMicrotask(() => queueMicrotask(call));
}

/** Makes an error that gets its stack later, if anybody awaits it: most of what an error costs is its stack. */
export function makeStackless<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, "stackTraceLimit", 0); // does nothing where the program may not, either (--frozen-intrinsics)
  try {
    return make();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}
