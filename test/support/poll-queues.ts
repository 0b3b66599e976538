/** Whether transfers past the page cache can be polled for where a path lies. */
import { readFileSync, statSync } from "node:fs";

/** Why a test of them is skipped. */
export const NO_POLL_QUEUES =
  "the device of the temporary directory has no poll queues; `npm run test:iopoll` brings one that has";

/** What sysfs says of the path's device; undefined where it is no block device's, or nothing says. */
export function hasPollQueues(path: string): boolean | undefined {
  const { dev } = statSync(path);
  // As gnu_dev_major and gnu_dev_minor take a device number apart; it has no more than 32 bits here.
  const device = `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
  for (const folder of ["queue", "../queue"]) {
    try {
      return readFileSync(`/sys/dev/block/${device}/${folder}/io_poll`, "latin1").trim() !== "0";
    } catch {
      // a partition, or none at all
    }
  }
  return undefined;
}
