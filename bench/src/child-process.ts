/**
 * One piece of work in a fresh process: the task goes there as JSON in the arguments, the answer and any progress come back as
 * messages. Both sides are here.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

type Message<T> =
  | { readonly kind: "progress"; readonly done: number }
  | { readonly kind: "answer"; readonly answer: T }
  | { readonly kind: "failure"; readonly message: string };

export interface ChildOptions {
  /** The module that the child runs; it calls {@link answerParent}. */
  readonly entry: URL;
  readonly task: unknown;
  /** The only CPU it may use. */
  readonly cpu?: number | undefined;
  /** What its environment has beside that of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** The child is killed after so long. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number) => void;
}

/** Runs the child to its end. Rejects with what failed there, and never leaves it running. */
export async function runInChild<T>(options: ChildOptions): Promise<T> {
  options.signal?.throwIfAborted();
  const child = start(options);
  const exited = once(child, "exit");
  const kill = (): void => void child.kill("SIGKILL");
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, options.deadlineMs);
  options.signal?.addEventListener("abort", kill);
  try {
    const result = await lastMessage<T>(child, exited, options.onProgress);
    options.signal?.throwIfAborted();
    if (isLate) throw new Error(`A child process took longer than ${options.deadlineMs} ms`);
    if (typeof result === "string") throw new Error(`A child process ended with ${result}`);
    if (result.kind === "failure") throw new Error(result.message);
    return result.answer;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", kill);
  }
}

function start({ entry, task, cpu, environment }: ChildOptions): ChildProcess {
  const args = [JSON.stringify(task)];
  const env = { ...process.env, ...environment };
  // No flags of this process's own: a test runner has some that don't suit.
  if (cpu === undefined) return fork(entry, args, { env, execArgv: [] });
  const taskset = ["-c", String(cpu), process.execPath];
  return fork(entry, args, { env, execPath: "taskset", execArgv: taskset });
}

type LastMessage<T> = Exclude<Message<T>, { kind: "progress" }>;

/** The answer or the failure; a text on how the child ended where there was neither. */
async function lastMessage<T>(
  child: ChildProcess,
  exited: Promise<unknown[]>,
  onProgress: ChildOptions["onProgress"],
): Promise<LastMessage<T> | string> {
  let last: LastMessage<T> | undefined;
  child.on("message", (message: Message<T>) => {
    if (message.kind === "progress") onProgress?.(message.done);
    else last = message;
  });
  // The channel may still hold messages when the process is gone.
  const disconnected = once(child, "disconnect");
  const [code, signal] = await exited;
  await disconnected;
  if (last?.kind === "failure" || (last !== undefined && code === 0)) return last;
  return signal === null ? `code ${code}` : `${signal}`;
}

/** The child's side: does the task, answers, and lets the process end by itself. */
export async function answerParent<Task, Answer>(
  work: (task: Task, tellProgress: (done: number) => void) => Promise<Answer>,
): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? "{}") as Task; // runInChild wrote it
  // A parent that was killed leaves nothing running.
  process.once("disconnect", () => process.exit(1));
  try {
    tell({ kind: "answer", answer: await work(task, (done) => tell({ kind: "progress", done })) });
  } catch (error) {
    tell({ kind: "failure", message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
  process.removeAllListeners("disconnect");
  if (process.connected) process.disconnect();
}

function tell(message: Message<unknown>): void {
  if (process.send !== undefined) process.send(message);
  else console.log(JSON.stringify(message));
}
