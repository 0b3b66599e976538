/** Compares the error of a call with the one that node:fs gives for the same call. */
import { isNativeError } from "node:util/types";
import { expect } from "vitest";

/** All that a program can tell an error of node:fs by. */
export interface Failure {
  readonly class: string;
  readonly name: string;
  readonly message: string;
  readonly code: unknown;
  readonly errno: unknown;
  readonly syscall: unknown;
  readonly path: unknown;
  readonly dest: unknown;
}

type Call = () => unknown;

/** Returns how the call fails: rejecting, or (node:fs with a callback) throwing. */
export async function failureOf(call: Call): Promise<Failure> {
  let value: unknown;
  try {
    value = await call();
  } catch (error) {
    if (!isNativeError(error)) throw error;
    const { code, errno, syscall, path, dest } = error as NodeJS.ErrnoException & {
      dest?: unknown;
    };
    return {
      // Node's own coded errors are subclasses without a name of their own.
      class:
        error instanceof TypeError
          ? "TypeError"
          : error instanceof RangeError
            ? "RangeError"
            : "Error",
      name: error.name,
      message: error.message,
      code,
      errno,
      syscall,
      path,
      dest,
    };
  }
  throw new Error(`The call was to fail, and gave ${String(value)}`);
}

/** What this version of Node says otherwise than the one whose errors ours are. */
export type Adapt = (nodes: Failure) => Failure;

/** Our call must reject, not throw; with Node's error, field by field. Returns it. */
export async function expectSameFailure(
  ours: Call,
  nodes: Call,
  adapt: Adapt = (failure) => failure,
): Promise<Failure> {
  const promise = ours();
  expect(promise).toBeInstanceOf(Promise);
  const [actual, expected] = await Promise.all([failureOf(() => promise), failureOf(nodes)]);
  expect(actual).toEqual(adapt(expected));
  return actual;
}

/** Our call must fail as Node's does, and with this code, so that the comparison is about what the test says. */
export async function expectNodesFailure(
  code: string,
  ours: Call,
  nodes: Call,
  adapt?: Adapt,
): Promise<void> {
  expect((await failureOf(nodes)).code).toBe(code);
  await expectSameFailure(ours, nodes, adapt);
}
