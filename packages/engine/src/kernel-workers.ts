/**
 * The kernel's worker threads of a ring, seen from outside. Since Linux 5.12 they are threads of the process, and named for the
 * task that they work for: "iou-wrk-<thread>" (io_uring/io-wq.c). Before, they are threads of the kernel that nobody can assign.
 *
 * What the kernel doesn't tell: how many submissions it has moved to them by itself, because they would have waited. No
 * completion has a flag of it, the ring's fdinfo has no count, and the tracepoint io_uring_queue_async_work is root's alone.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const TASKS = "/proc/self/task";

/** Inode of the first PID namespace (PROC_PID_INIT_INO of include/linux/proc_ns.h): the one whose numbers the names have. */
const FIRST_NAMESPACE = "pid:[4026531836]";

/** The number of the calling thread, or 0 without /proc. */
export function threadNumber(): number {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return 0;
  }
}

/** Names of all threads of the process, by their numbers. One may end between two looks. */
function threadNames(): Map<string, string> {
  const names = new Map<string, string>();
  for (const thread of readdirSync(TASKS)) {
    try {
      names.set(thread, readFileSync(`${TASKS}/${thread}/comm`, "utf8").trimEnd());
    } catch {
      // It has ended.
    }
  }
  return names;
}

/** Worker threads of the rings on these threads; in a PID namespace, whose numbers are others, those of the whole process. */
export function countKernelWorkers(ringThreads: readonly number[]): number {
  const names = threadNames();
  if (readlinkSync("/proc/self/ns/pid") !== FIRST_NAMESPACE) {
    return [...names.values()].filter((name) => name.startsWith("iou-wrk-")).length;
  }
  // With SQPOLL they work for the thread that polls, which is named for the ring's.
  const masters = [...names]
    .filter(([, name]) => ringThreads.some((thread) => name === `iou-sqp-${thread}`))
    .map(([thread]) => thread);
  const theirs = new Set([...ringThreads, ...masters].map((master) => `iou-wrk-${master}`));
  return [...names.values()].filter((name) => theirs.has(name)).length;
}
