/**
 * A close waited for ever behind a read of a file by which the kernel tells of itself (/proc/kmsg, trace_pipe): it looks like one whose
 * transfers end by themselves.
 */
import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { useEngine } from "../support/engine-setups.js";
import { failureOf } from "../support/failures.js";

const INSTANCES = "/sys/kernel/tracing/instances";
const canTrace = process.getuid?.() === 0 && existsSync(INSTANCES);

const running = useEngine();

describe.skipIf(!canTrace)("a close ends the reads of", () => {
  it.each([0, null])("trace_pipe, at the position %s", async (position) => {
    const { client } = running;
    const folder = mkdtempSync(join(INSTANCES, "ringpost-")); // in which nothing is traced
    const fd = await client.open(join(folder, "trace_pipe"));
    const reading = failureOf(() => client.read(fd, Buffer.alloc(100), { position }));
    await client.nop();
    await within(SOON_MS, "the close", client.close(fd));
    expect((await reading).code).toMatch(/^(ECANCELED|EINTR)$/);
    rmdirSync(folder);
  });
});
