import { defineConfig } from "rolldown";

const common = { platform: "node" };
const output = { dir: "dist", sourcemap: true };

// Node takes about a millisecond for each module that it loads, and every worker of a pool loads them all again. So users
// import one file, and a second one that both entries share; the engine's thread has one to itself, with what it needs alone.
// They lie beside each other: engine-ring.ts asks for "./engine-worker.js".
export default defineConfig([
  {
    ...common,
    input: { index: "src/index.ts", piscina: "src/piscina.ts" },
    output: { ...output, chunkFileNames: "shared.js" },
  },
  { ...common, input: "../engine/dist/engine-worker.js", output },
]);
