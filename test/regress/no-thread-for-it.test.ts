/** A request for which the kernel could make no thread was said to be cancelled, though nobody had cancelled it. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { runProgram } from "../lifecycle/run-program.js";

const AS_ANYBODY = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];

/** Whether anybody may run this, and read what it is made of. */
function canRunAsAnybody(): boolean {
  const [setpriv, ...args] = AS_ANYBODY;
  const reads = `require("node:fs").readFileSync(${JSON.stringify(fileURLToPath(import.meta.url))})`;
  const limits = `require("node:child_process").execFileSync("prlimit", ["--version"])`;
  const node = [process.execPath, "-e", `${reads}; ${limits}`];
  return spawnSync(setpriv!, [...args, ...node], { stdio: "ignore" }).status === 0;
}

it.skipIf(!canRunAsAnybody())("at the limit of threads it says so, with EAGAIN", async () => {
  const ending = await runProgram("thread-limit", { launcher: AS_ANYBODY });
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  const { ofNode, start, ...codes } = JSON.parse(ending.stdout);
  expect(ofNode).toEqual(["ok", "ENOENT"]);
  expect(start).toEqual(["ERR_RINGPOST_UNAVAILABLE", "threads"]);
  // A kernel that has a thread left does it.
  for (const code of Object.values(codes)) expect(["EAGAIN", "ok", "ENOENT"]).toContain(code);
});
