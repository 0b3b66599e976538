/**
 * Runs a program of fixtures/, or of another folder, in a process of its own, under a deadline. What a program does when it ends badly can't be
 * seen from inside: so every test of this folder starts one and looks at its ending from here.
 *
 * Each program gets a folder of its own ($RINGPOST_FOLDER) that holds the files of fixtures/program-files.mjs, and a socket
 * as its standard input that never says anything.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ProgramOptions {
  readonly args?: readonly (string | number)[];
  /** Options of node itself. Default: NODE_OPTIONS. */
  readonly nodeOptions?: readonly string[];
  /** A command that runs the command it is given. */
  readonly launcher?: readonly string[];
  /** Milliseconds after which the program is killed and its test fails. */
  readonly deadlineMs?: number;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_DEADLINE_MS = 20_000;

/**
 * A program may collect garbage, to tell it from what has leaked. It doesn't mark it by and by: a compiler's thread of V8 that
 * asks for that when terminate() has just taken its worker from Node's platform aborts the process ("(data.first) != nullptr" in
 * node_platform.cc, seen once on Node 20.20). Of that race: https://github.com/nodejs/node/issues/31752
 */
const NODE_OPTIONS = ["--expose-gc", "--no-incremental-marking"];

/** As many blocks of 4 KiB as tests have reads in flight, each filled with its own number. */
const BLOCKS = 500;
const WORDS_PER_BLOCK = 1024;

/** More than readFile reads as one request. */
const LARGE_BYTES = 100_000;

export class Program {
  /** Rejects when the deadline has passed. */
  readonly ended: Promise<Ending>;
  readonly folder: string;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  #tellSaid: (() => void) | undefined;

  constructor(fixture: string | URL, options: ProgramOptions = {}) {
    this.folder = makeFolder();
    const path = fileURLToPath(
      typeof fixture === "string" ? new URL(`fixtures/${fixture}.mjs`, import.meta.url) : fixture,
    );
    const command = [
      ...(options.launcher ?? []),
      process.execPath,
      ...(options.nodeOptions ?? NODE_OPTIONS),
      path,
      ...(options.args ?? []).map(String),
    ];
    this.#child = spawn(command[0]!, command.slice(1), {
      env: { ...process.env, NODE_OPTIONS: "", RINGPOST_FOLDER: this.folder },
      stdio: "pipe",
    });
    this.ended = this.#awaitEnd(command, options.deadlineMs ?? DEFAULT_DEADLINE_MS);
    // Who waits for words first learns of the end from them.
    this.ended.catch(() => undefined);
  }

  /** Resolves when the program has printed the text, or has ended. */
  async said(text: string): Promise<void> {
    let ended = false;
    const end = this.ended.then(() => {
      ended = true;
    });
    while (!ended && !this.#stdout.includes(text)) {
      await Promise.race([end, new Promise<void>((resolve) => (this.#tellSaid = resolve))]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #awaitEnd(command: readonly string[], deadlineMs: number): Promise<Ending> {
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#tellSaid?.();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    return new Promise((resolve, reject) => {
      let late = false;
      const deadline = setTimeout(() => {
        late = true;
        this.#child.kill("SIGKILL");
      }, deadlineMs);
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        clearTimeout(deadline);
        rmSync(this.folder, { recursive: true, force: true });
        const ending = { code, signal, stdout: this.#stdout, stderr: this.#stderr };
        if (late) reject(overdue(command, deadlineMs, ending));
        else resolve(ending);
      });
    });
  }
}

/** Runs a program to its end. Of tests that run concurrently, so many programs run at a time, and the others wait. */
export async function runProgram(fixture: string | URL, options?: ProgramOptions): Promise<Ending> {
  while (running.size === MOST_RUNNING) await Promise.race(running);
  const { ended } = new Program(fixture, options);
  const over = ended.then(
    () => undefined,
    () => undefined,
  );
  running.add(over);
  void over.then(() => running.delete(over));
  return ended;
}

const MOST_RUNNING = 2;
const running = new Set<Promise<void>>();

function overdue(command: readonly string[], deadlineMs: number, ending: Ending): Error {
  return new Error(
    `Still running after ${deadlineMs} ms: ${command.join(" ")}\n` +
      `--- stdout\n${ending.stdout}\n--- stderr\n${ending.stderr}`,
  );
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ringpost-lifecycle-"));
  const words = new Uint32Array(BLOCKS * WORDS_PER_BLOCK);
  for (let block = 0; block < BLOCKS; block++) {
    words.fill(block, block * WORDS_PER_BLOCK, (block + 1) * WORDS_PER_BLOCK);
  }
  writeFileSync(join(folder, "blocks"), words);
  writeFileSync(join(folder, "large"), Buffer.alloc(LARGE_BYTES));
  execFileSync("mkfifo", [join(folder, "silent"), join(folder, "unopened")]);
  return folder;
}
