/** Why the kernel gave no ring, or not the one that was asked for, and what mends it. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import type { CodedError } from "@ringpost/client";
import type { StartRefusal } from "@ringpost/native";
import { EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM } from "@ringpost/protocol";

export interface UnavailableError extends Error {
  code: "ERR_RINGPOST_UNAVAILABLE";
  /** Negative: what io_uring_setup said. */
  errno: number;
  /** Which of the known causes it is. */
  reason: Reason;
  /** What to do about it. */
  cure: string;
}

export type Reason =
  | "sysctl"
  | "seccomp"
  | "no-io_uring"
  | "old-kernel"
  | "memlock"
  | "descriptors"
  | "threads"
  | "option"
  | "unknown";

interface Diagnosis {
  readonly reason: Reason;
  readonly what: string;
  readonly cure: string;
}

/** kernel.io_uring_disabled, since Linux 6.6: 0 everyone, 1 its group and CAP_SYS_ADMIN, 2 nobody. */
function readSysctl(): number {
  try {
    return Number.parseInt(readFileSync("/proc/sys/kernel/io_uring_disabled", "utf8"), 10);
  } catch {
    return 0;
  }
}

function diagnose(errno: number): Diagnosis {
  switch (errno) {
    case EPERM: {
      const sysctl = readSysctl();
      if (sysctl > 0) {
        return {
          reason: "sysctl",
          what: `io_uring is switched off by kernel.io_uring_disabled=${sysctl}`,
          cure: "set it back with `sysctl kernel.io_uring_disabled=0`, or for one group with =1 and kernel.io_uring_group",
        };
      }
      return {
        reason: "seccomp",
        what: "io_uring is refused by a seccomp profile, as containers have it by default",
        cure: "allow io_uring_setup, io_uring_enter and io_uring_register in the container's profile (docker run --security-opt seccomp=profile.json)",
      };
    }
    case ENOSYS:
      return {
        reason: "no-io_uring",
        what: `the kernel (${release()}) has no io_uring, or a sandbox hides it`,
        cure: "run on Linux 5.6 or newer, built with CONFIG_IO_URING, outside of sandboxes such as gVisor",
      };
    case EOPNOTSUPP:
      return {
        reason: "old-kernel",
        what: `the io_uring of this kernel (${release()}) lacks features of Linux 5.6`,
        cure: "run on Linux 5.6 or newer",
      };
    case ENOMEM:
      return {
        reason: "memlock",
        what: "the ring's memory exceeds the limit of locked memory",
        cure: "raise it (`ulimit -l`, LimitMEMLOCK= in systemd, --ulimit memlock in Docker), or lower maxClients and credits",
      };
    case EMFILE:
    case ENFILE:
      return {
        reason: "descriptors",
        what: "no file descriptor is left for the engine",
        cure: "raise the limit of open files (`ulimit -n`), or close some",
      };
    case EAGAIN:
      return {
        reason: "threads",
        what: "no thread is left for the engine",
        cure: "raise the limit of processes and threads (`ulimit -u`, TasksMax= in systemd, --pids-limit in Docker)",
      };
    default:
      return {
        reason: "unknown",
        what: `io_uring_setup failed with errno ${-errno}`,
        cure: "please report this",
      };
  }
}

/** What each option needs that a kernel may not have. */
const needs = {
  kernelWorkers: "IORING_REGISTER_IOWQ_MAX_WORKERS of Linux 5.15",
  sqpoll: "IORING_SETUP_SQPOLL (Linux 5.11, and a `cpu` that is there)",
  operations: "IORING_REGISTER_RESTRICTIONS of Linux 5.10",
} as const;

export function refusalError({ errno, option }: StartRefusal): UnavailableError {
  if (option === "") return unavailableError(errno);
  if (option === "placement") {
    return asError(errno, {
      reason: "option",
      what: "options.placement names a CPU that this process may not run on",
      cure: "name none but those that `taskset -cp <pid>` shows",
    });
  }
  return asError(errno, {
    reason: "option",
    what: `options.${option} needs ${needs[option]}, which this kernel (${release()}) refuses`,
    cure: `leave the option out${option === "sqpoll" ? ", name a cpu that is there" : ""}, or run on a newer kernel`,
  });
}

function unavailableError(errno: number): UnavailableError {
  return asError(errno, diagnose(errno));
}

function asError(errno: number, { reason, what, cure }: Diagnosis): UnavailableError {
  const error = new Error(`ringpost can't start: ${what}. Cure: ${cure}.`);
  return Object.assign(error, { code: "ERR_RINGPOST_UNAVAILABLE" as const, errno, reason, cure });
}

/** Node's error of a thread that couldn't start; where the reason is a want of descriptors or threads, ours. */
export function workerError(error: Error): Error {
  if (/\bE[MN]FILE\b/.test(error.message)) return unavailableError(EMFILE);
  return /\bEAGAIN\b/.test(error.message) ? unavailableError(EAGAIN) : error;
}

/** The engine's thread is gone before it has said anything. */
export function endedError(exitCode: number): CodedError {
  const what = `The ringpost engine's thread has ended before it was ready (exit code ${exitCode})`;
  return Object.assign(new Error(what), { code: "ERR_RINGPOST_CLOSED" });
}
