import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { runProgram } from "./run-program.js";

/** Those of one client that has made one request, and the allocator's. */
const MOST_RESIDENT_KIB = 256;

it.skipIf(!existsSync("/sys/kernel/mm/transparent_hugepage"))(
  "mailboxes that nobody uses take address space alone, where the kernel makes huge pages of all memory, too",
  async () => {
    const ending = await runProgram("unused-mailboxes", {});
    expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
    const { count, kib, residentKib } = JSON.parse(ending.stdout);
    expect(count).toBe(1);
    expect(kib).toBeGreaterThan(100_000);
    expect(residentKib).toBeLessThan(MOST_RESIDENT_KIB);
  },
);
