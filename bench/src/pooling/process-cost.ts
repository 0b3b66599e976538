/** What a measurement costs the whole process, beside its time. */
import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Measurement } from "../trial.js";

/** How often the event loop's lateness is looked at. */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;
const BYTES_PER_MIB = 1 << 20;

export class ProcessCost {
  readonly #bareRssBytes: number;
  readonly #delayNs = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #cpuAtStart: NodeJS.CpuUsage;

  /** Begins to count. @param bareRssBytes resident memory before pool or engine were there */
  constructor(bareRssBytes: number) {
    this.#bareRssBytes = bareRssBytes;
    this.#delayNs.enable();
    this.#cpuAtStart = process.cpuUsage();
  }

  /** Call it with pool and engine still there. */
  end(operations: number): Measurement {
    const cpu = process.cpuUsage(this.#cpuAtStart);
    this.#delayNs.disable();
    const cpuUsPerOperation = (cpu.user + cpu.system) / operations;
    const rssBytes = process.memoryUsage.rss();
    return {
      cpuSecondsPerMillion: cpuUsPerOperation, // µs per operation are seconds per million
      opsPerCpuSecond: 1e6 / cpuUsPerOperation,
      rssMiB: rssBytes / BYTES_PER_MIB,
      addedRssMiB: Math.max(0, rssBytes - this.#bareRssBytes) / BYTES_PER_MIB,
      loopDelayP99Ms: Math.max(0, this.#delayNs.percentile(99) / NS_PER_MS - RESOLUTION_MS),
      threads: readdirSync("/proc/self/task").length,
    };
  }
}
