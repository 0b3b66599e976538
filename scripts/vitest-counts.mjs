// A Vitest reporter for scripts/test.mjs: writes the counts and the skips, with their reasons, to a file.
import { writeFileSync } from "node:fs";

export default class CountsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, skips: [] };
    for (const module of modules) countModule(counts, module);
    writeFileSync(process.env.RINGPOST_VITEST_COUNTS, JSON.stringify(counts));
  }
}

function countModule(counts, module) {
  // A file that does not load, or a suite whose hook fails, counts as one failure of its own.
  for (const group of [module, ...module.children.allSuites()]) {
    if (group.errors().length > 0) counts.failed += 1;
  }
  for (const test of module.children.allTests()) {
    const { state, note } = test.result();
    if (state === "passed" || state === "failed") {
      counts[state] += 1;
    } else {
      counts.skipped += 1;
      counts.skips.push(`${test.fullName}: ${note ?? "no reason given"}`);
    }
  }
}
