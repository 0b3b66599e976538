import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// What every project shares. The built packages are linked into node_modules, so Vite takes them for
// sources; `external` makes Node load them, as a user's process would.
const shared = {
  environment: "node" as const,
  pool: "forks" as const,
  server: { deps: { external: [/\/dist\//, /\.node$/] } },
};

export default defineConfig({
  test: {
    // Vitest would leave one CPU to itself: half of a small machine. Most tests wait for something now and then.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          ...shared,
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "bench/src/**/*.test.ts"],
        },
      },
      {
        test: {
          ...shared,
          name: "cross",
          include: ["test/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
