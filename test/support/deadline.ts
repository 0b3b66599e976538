/** For what must not hang: a promise that misses its deadline fails the test with a sentence, and not after Vitest's minute. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Deadline of what takes a moment on an idle machine, in milliseconds. */
export const SOON_MS = 20_000;
