/**
 * How a failure reaches the program: with the stack of who awaits it, as with node:fs/promises. An error is made while a reply is
 * settled, when the stack is this library's own; V8 tells who awaits a promise only to what runs as that promise's reaction.
 */

const captureAwaiting = (error: Error): never => {
  Error.captureStackTrace(error, captureAwaiting);
  throw error;
};

/** @param resolve of the promise that is to reject */
export function rejectTracing(resolve: (failure: Promise<never>) => void, error: Error): void {
  let reject: (error: Error) => void;
  const failure = new Promise<never>((_resolve, rejectIt) => {
    reject = rejectIt;
  });
  // The promise is bound to this one before it rejects, or V8 wouldn't find the way from here to there.
  resolve(failure.catch(captureAwaiting));
  reject!(error);
}

/** Makes an error that gets its stack later, if anybody awaits it: most of what an error costs is its stack. */
export function makeStackless(make: () => Error): Error {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, "stackTraceLimit", 0); // does nothing where the program may not, either (--frozen-intrinsics)
  try {
    return make();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}
