// The main job as a user runs it: the built program, in a process of its own.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { withWorkFolder } from "./work-folder.js";

const PROGRAM = fileURLToPath(new URL("../dist/main-job.js", import.meta.url));
const TIMEOUT_MS = 60_000;

interface Place {
  readonly tree: string;
  /** Where the program puts its temporary files. */
  readonly temporary: string;
}

async function inPlace(work: (place: Place) => Promise<void>): Promise<void> {
  await withWorkFolder("ringpost-main-job-test-", async (folder) => {
    const place = { tree: join(folder, "tree"), temporary: join(folder, "tmp") };
    mkdirSync(place.tree);
    mkdirSync(place.temporary);
    await work(place);
  });
}

function fill({ tree }: Place): void {
  mkdirSync(join(tree, "below"));
  for (let nth = 0; nth < 50; nth++)
    writeFileSync(join(tree, `below/${nth}`), Buffer.alloc(nth * 100, nth));
  symlinkSync("below/1", join(tree, "link"));
}

function start({ temporary }: Place, ...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
}

async function run(place: Place, ...args: string[]) {
  const child = start(place, ...args);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}

/** Resolves when the program has got so far. */
function said(child: ChildProcessWithoutNullStreams, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => String(chunk).includes(words) && resolve());
    child.once("exit", (code) => reject(new Error(`It ended with ${code} before "${words}"`)));
  });
}

test("copies, compares, shows the table, and leaves nothing behind", { timeout: TIMEOUT_MS }, () =>
  inPlace(async (place) => {
    fill(place);
    const { code, stdout, stderr } = await run(place, place.tree, "--rounds", "2");
    expect(stderr).not.toContain("rror");
    expect(stdout).toContain("files 50, folders 1, symbolic links 1.");
    expect(stdout).toMatch(/files\s+│\s+50 │\s+50/);
    for (const row of ["files/s", "MB/s", "CPU seconds", "p99 event-loop delay"])
      expect(stdout).toContain(row);
    expect(code).toBe(0);
    expect(readdirSync(place.temporary)).toEqual([]);
  }),
);

test("--keep leaves the copy", { timeout: TIMEOUT_MS }, () =>
  inPlace(async (place) => {
    fill(place);
    const { code, stderr } = await run(place, place.tree, "--rounds", "1", "--keep");
    expect(code).toBe(0);
    const kept = /stays in (.+)$/m.exec(stderr)?.[1];
    expect(readdirSync(kept ?? "")).toEqual(["below", "link"]);
  }),
);

test("a Ctrl-C ends it and removes the copy", { timeout: TIMEOUT_MS }, () =>
  inPlace(async (place) => {
    fill(place);
    const child = start(place, place.tree, "--rounds", "1000");
    await said(child, "round 2 of");
    child.kill("SIGINT");
    child.kill("SIGINT"); // npm sends a second one
    const [code] = await once(child, "exit");
    expect(code).toBe(130);
    expect(readdirSync(place.temporary)).toEqual([]);
  }),
);

test(
  "a reader of its messages that goes away ends it, and the copy goes, too",
  {
    timeout: TIMEOUT_MS,
  },
  () =>
    inPlace(async (place) => {
      fill(place);
      const child = start(place, place.tree, "--rounds", "1000");
      await said(child, "round 2 of");
      child.stderr.destroy();
      const [code] = await once(child, "exit");
      expect(code).toBe(1);
      expect(readdirSync(place.temporary)).toEqual([]);
    }),
);

test("a tree that can't be copied is refused with one clear line", { timeout: TIMEOUT_MS }, () =>
  inPlace(async (place) => {
    const { tree } = place;
    expect(await run(place, tree)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`There is nothing to copy in ${tree}\n`),
    });
    expect(await run(place, join(tree, "none"))).toMatchObject({
      code: 1,
      stderr: `There is no ${tree}/none\n`,
    });
    writeFileSync(join(tree, "file"), "");
    expect(await run(place, join(tree, "file"))).toMatchObject({
      code: 1,
      stderr: `${tree}/file is not a directory\n`,
    });
    expect(await run(place, tree, "--concurrency", "none")).toMatchObject({ code: 1 });
  }),
);
