/** What waitid asks, and what it says. */
import { checkBoolean, checkInteger, INT32_MAX, type Names } from "./arguments.js";
import { littleEndian } from "./byte-order.js";
import { invalidArgType, invalidArgValue } from "./node-errors.js";
import { type RequestOptions, requestNames, toOptions } from "./options.js";
import type { Decode, PendingRequest } from "./pending-request.js";

/** Which children are waited for: all, one by its number or by a descriptor of pidfd_open(2), or a process group. */
export type ChildIdType = "all" | "pid" | "pgid" | "pidfd";

export interface WaitidOptions extends RequestOptions {
  /** Which changes end the wait. Default `["exited"]`, whatever ended the child. */
  readonly states?: readonly ("exited" | "stopped" | "continued")[] | undefined;
  /**
   * Whether the change is taken note of for good, and an ended child is gone from the table of processes. Default false: whose child
   * it is may still wait for it.
   */
  readonly reap?: boolean | undefined;
}

const waitidNames: Names<WaitidOptions> = { ...requestNames, states: true, reap: true };

export interface ChildState {
  readonly pid: number;
  readonly uid: number;
  readonly code: "exited" | "killed" | "dumped" | "trapped" | "stopped" | "continued";
  /** The exit code of a child that has exited, the number of the signal otherwise. */
  readonly status: number;
}

/** P_* of include/uapi/linux/wait.h. */
const ID_TYPES: ReadonlyMap<unknown, number> = new Map(
  Object.entries({ all: 0, pid: 1, pgid: 2, pidfd: 3 }),
);
/** Of the same. */
const WSTOPPED = 2;
const WEXITED = 4;
const WCONTINUED = 8;
const STATES: ReadonlyMap<unknown, number> = new Map(
  Object.entries({ stopped: WSTOPPED, exited: WEXITED, continued: WCONTINUED }),
);
const WNOWAIT = 0x0100_0000;

/** Offsets in bytes of the fields of a `siginfo_t` about a child; the engine's code asserts them. */
const Field = { CODE: 8, PID: 16, UID: 20, STATUS: 24 } as const;

/** CLD_* of include/uapi/asm-generic/siginfo.h. */
const CODES: readonly (ChildState["code"] | undefined)[] = [
  undefined,
  "exited",
  "killed",
  "dumped",
  "trapped",
  "stopped",
  "continued",
];

const asChildState: Decode = (_request, _result, _note, { values, at }) => {
  const field = (offset: number): number => values.getInt32(at + offset, littleEndian);
  return {
    pid: field(Field.PID),
    uid: field(Field.UID) >>> 0,
    code: CODES[field(Field.CODE)],
    status: field(Field.STATUS),
  };
};

function toStates(states: unknown): number {
  if (states === undefined) return WEXITED;
  if (!Array.isArray(states))
    throw invalidArgType("options.states", "an instance of Array", states);
  let bits = 0;
  for (const state of states) {
    const bit = STATES.get(state);
    if (bit === undefined) throw invalidArgValue("options.states", states);
    bits |= bit;
  }
  if (bits === 0) throw invalidArgValue("options.states", states, "must name one at least");
  return bits;
}

/** Checks the arguments, and returns what puts them into a request. */
export function toChildWait(
  idType: unknown,
  id: unknown,
  options: WaitidOptions | undefined,
): (request: PendingRequest) => void {
  const which = ID_TYPES.get(idType);
  if (which === undefined) throw invalidArgValue("idType", idType);
  checkInteger(id, "id", idType === "pid" ? 1 : 0, INT32_MAX);
  const { states, reap = false } = toOptions<WaitidOptions>(options, waitidNames);
  checkBoolean(reap, "options.reap");
  const flags = toStates(states) | (reap ? 0 : WNOWAIT);
  return (request) => {
    // A number of a process is no descriptor, which could be cancelled.
    if (idType === "pidfd") request.fd = id;
    else request.length = id;
    request.mode = which;
    request.flags = flags;
    request.decode = asChildState;
  };
}
