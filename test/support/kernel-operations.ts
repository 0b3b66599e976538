/** Operations that need a newer kernel than the tests do. */
import { operations } from "@ringpost/protocol";
import type { Engine } from "ringpost";
import type { TestContext } from "vitest";

/** Skips the test where the kernel's io_uring lacks the operation, and nothing does the same. */
export function needs(context: TestContext, engine: Engine, method: keyof typeof operations): void {
  if (engine.supports(method)) return;
  context.skip(`the kernel's io_uring has no ${method} (Linux ${operations[method].kernel})`);
}
