// Shows with strace how often a steady run enters the kernel's ring: an engine as it is by default, and one with `sqpoll`.
// Usage: node scripts/show-sqpoll.mjs. Needs strace, and leave to trace (root, or kernel.yama.ptrace_scope=0).
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const TRACED_MS = 2000;
const PROGRAM = fileURLToPath(new URL("steady-reads.mjs", import.meta.url));

if (spawnSync("strace", ["-V"]).status !== 0) {
  process.stderr.write(
    "This needs strace, which isn't here: `apt-get install strace`, or your system's like.\n",
  );
  process.exit(1);
}
let failed = false;
for (const [title, options] of [
  ["as it is by default", {}],
  ["with sqpoll", { sqpoll: { idleMs: 60_000 } }],
]) {
  const { summary, reads } = await trace(options);
  const calls = /^.*\bio_uring_enter$/m.exec(summary)?.[0].trim().split(/\s+/)[3] ?? "0";
  process.stdout.write(
    `\n== An engine ${title}: ${reads} reads, ${calls} calls of io_uring_enter\n`,
  );
  process.stdout.write(summary === "" ? "(strace saw none)\n" : summary);
  if (reads === 0 || (calls === "0") !== "sqpoll" in options) failed = true;
}
process.exitCode = failed ? 1 : 0;

/** Runs the program, and traces all its threads for a while in the middle. */
async function trace(options) {
  const program = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const deadline = setTimeout(() => program.kill(), 30_000);
  try {
    const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    if ((await lines.next()).done) throw new Error("The program ended before it began");
    const of = ["-f", "-c", "-e", "trace=io_uring_enter", "-p", String(program.pid)];
    const strace = spawn("strace", of, { stdio: ["ignore", "ignore", "pipe"] });
    const said = [];
    strace.stderr.on("data", (data) => said.push(data));
    const ended = once(strace, "close");
    await sleep(TRACED_MS);
    strace.kill("SIGINT"); // it detaches, and sums up
    await ended;
    program.stdin.end();
    const { value } = await lines.next();
    const text = Buffer.concat(said).toString();
    if (!text.includes("attached")) throw new Error(`strace can't trace here: ${text}`);
    return { summary: text.replace(/^strace: Process.*\n/gm, ""), reads: Number(value) };
  } finally {
    clearTimeout(deadline);
    program.kill();
  }
}
