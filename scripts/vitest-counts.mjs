// A Vitest reporter for scripts/test.mjs: writes the counts, and what failed and was skipped with the reasons, to a file.
import { writeFileSync } from "node:fs";

export default class CountsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
    if (unhandledErrors.length > 0) addFailure(counts, "outside of the tests", unhandledErrors);
    for (const module of modules) countModule(counts, module);
    writeFileSync(process.env.RINGPOST_VITEST_COUNTS, JSON.stringify(counts));
  }
}

function countModule(counts, module) {
  // A file that does not load, or a suite whose hook fails, counts as one failure of its own.
  for (const group of [module, ...module.children.allSuites()]) {
    const errors = group.errors();
    if (errors.length > 0) addFailure(counts, group.fullName ?? module.relativeModuleId, errors);
  }
  for (const test of module.children.allTests()) {
    const { state, note, errors } = test.result();
    if (state === "passed") {
      counts.passed += 1;
    } else if (state === "failed") {
      addFailure(counts, `${module.relativeModuleId} > ${test.fullName}`, errors);
    } else {
      counts.skipped += 1;
      counts.skips.push(`${test.fullName}: ${note ?? "no reason given"}`);
    }
  }
}

function addFailure(counts, name, errors) {
  counts.failed += 1;
  counts.failures.push([name, ...errors.map(({ message, stack }) => stack ?? message)].join("\n"));
}
