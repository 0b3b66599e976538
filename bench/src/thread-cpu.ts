/** CPU time of single threads, by /proc. */
import { readdirSync, readFileSync } from "node:fs";

const NS_PER_TICK = 1e7; // USER_HZ is 100 on every architecture that Node runs on

/**
 * What a thread has used so far, by its folder below /proc/…/task. schedstat counts nanoseconds; a kernel without it
 * (CONFIG_SCHED_INFO) has the ticks of stat.
 */
export function threadCpuNs(folder: string): number {
  try {
    return Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]);
  } catch {
    // The name of the thread, in parentheses, may itself hold spaces; utime and stime come 11 fields behind it.
    const stat = readFileSync(`${folder}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * NS_PER_TICK;
  }
}

/** Of all threads that a process has now, the kernel's on its behalf among them: io-wq workers, and SQPOLL's. */
export function cpuNsOfThreads(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let sum = 0;
  for (const thread of readdirSync(tasks)) {
    try {
      sum += threadCpuNs(`${tasks}/${thread}`);
    } catch {
      // It has just ended.
    }
  }
  return sum;
}
