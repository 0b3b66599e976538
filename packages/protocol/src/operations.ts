/**
 * Every operation a client can ask for: the one table from which the opcodes of both languages, the errors'
 * `syscall` and the documentation come.
 */

import type { RingOperation } from "./ring-operations.js";

/** How an operation uses its region. */
export type BufferUse =
  | "none"
  | "fills"
  | "reads"
  | "fills-many"
  | "reads-many"
  | "advised"
  | "word";

export interface Operation {
  /** Number in a request's opcode word. Never reused; 0 is no operation, so that a zeroed request is refused. */
  readonly opcode: number;
  /** The client's method; "" for a step that the client posts by itself. */
  readonly call: string;
  /** First kernel whose io_uring has what the operation submits. */
  readonly kernel: string;
  readonly buffer: BufferUse;
  /** `syscall` of its errors, as node:fs names it. */
  readonly syscall: string;
  /** What the engine submits for it: in order, or one of them. */
  readonly submits: readonly RingOperation[];
  /** What serves it where the kernel's io_uring lacks that; nothing: it rejects with ENOSYS. */
  readonly fallback: "system call" | "one poll after the other" | "none";
}

export const operations = {
  nop: {
    opcode: 1,
    call: "nop()",
    kernel: "5.1",
    buffer: "none",
    syscall: "nop",
    submits: ["NOP"],
    fallback: "none",
  },
  open: {
    opcode: 2,
    call: "open(path, flags?, mode?)",
    kernel: "5.6",
    buffer: "none",
    syscall: "open",
    submits: ["OPENAT"],
    fallback: "none",
  },
  close: {
    opcode: 3,
    call: "close(fd)",
    kernel: "5.6",
    buffer: "none",
    syscall: "close",
    submits: ["CLOSE"],
    fallback: "none",
  },
  read: {
    opcode: 4,
    call: "read(fd, view, { offset?, length?, position?, flags? })",
    kernel: "5.6",
    buffer: "fills",
    syscall: "read",
    submits: ["READ"],
    fallback: "none",
  },
  write: {
    opcode: 5,
    call: "write(fd, view, { offset?, length?, position?, flags? })",
    kernel: "5.6",
    buffer: "reads",
    syscall: "write",
    submits: ["WRITE"],
    fallback: "none",
  },
  readv: {
    opcode: 6,
    call: "readv(fd, views, { position?, flags? })",
    kernel: "5.1",
    buffer: "fills-many",
    syscall: "read",
    submits: ["READV"],
    fallback: "none",
  },
  writev: {
    opcode: 7,
    call: "writev(fd, views, { position?, flags? })",
    kernel: "5.1",
    buffer: "reads-many",
    syscall: "write",
    submits: ["WRITEV"],
    fallback: "none",
  },
  fsync: {
    opcode: 8,
    call: "fsync(fd)",
    kernel: "5.1",
    buffer: "none",
    syscall: "fsync",
    submits: ["FSYNC"],
    fallback: "none",
  },
  fdatasync: {
    opcode: 9,
    call: "fdatasync(fd)",
    kernel: "5.1",
    buffer: "none",
    syscall: "fdatasync",
    submits: ["FSYNC"],
    fallback: "none",
  },
  stat: {
    opcode: 10,
    call: "stat(pathOrFd, { bigint? }), lstat(path, { bigint? }), statx(pathOrFd, { mask?, flags? })",
    kernel: "5.6",
    buffer: "none",
    syscall: "stat",
    submits: ["STATX"],
    fallback: "system call",
  },
  readFile: {
    opcode: 11,
    call: "readFile(path, { encoding?, flag? })",
    kernel: "5.6",
    buffer: "fills",
    syscall: "read",
    submits: ["OPENAT", "READ", "CLOSE"],
    fallback: "none",
  },
  readRest: {
    opcode: 12,
    call: "",
    kernel: "5.6",
    buffer: "fills",
    syscall: "read",
    submits: ["READ", "CLOSE"],
    fallback: "none",
  },
  writeFile: {
    opcode: 13,
    call: "writeFile(path, data, { encoding?, mode?, flag?, flush? })",
    kernel: "5.6",
    buffer: "reads",
    syscall: "write",
    submits: ["OPENAT", "WRITE", "FSYNC", "CLOSE"],
    fallback: "none",
  },
  registerSlab: {
    opcode: 14,
    call: "",
    kernel: "5.19",
    buffer: "none",
    syscall: "io_uring_register",
    submits: [],
    fallback: "none",
  },
  ftruncate: {
    opcode: 15,
    call: "ftruncate(fd, length?), truncate(path, length?)",
    kernel: "6.9",
    buffer: "none",
    syscall: "ftruncate",
    submits: ["FTRUNCATE"],
    fallback: "system call",
  },
  fallocate: {
    opcode: 16,
    call: "fallocate(fd, mode, offset, length)",
    kernel: "5.6",
    buffer: "none",
    syscall: "fallocate",
    submits: ["FALLOCATE"],
    fallback: "system call",
  },
  fadvise: {
    opcode: 17,
    call: "fadvise(fd, offset, length, advice)",
    kernel: "5.6",
    buffer: "none",
    syscall: "fadvise64",
    submits: ["FADVISE"],
    fallback: "system call",
  },
  syncFileRange: {
    opcode: 18,
    call: "syncFileRange(fd, offset, length, flags?)",
    kernel: "5.2",
    buffer: "none",
    syscall: "sync_file_range",
    submits: ["SYNC_FILE_RANGE"],
    fallback: "system call",
  },
  rename: {
    opcode: 19,
    call: "rename(oldPath, newPath, { noReplace?, exchange? })",
    kernel: "5.11",
    buffer: "none",
    syscall: "rename",
    submits: ["RENAMEAT"],
    fallback: "system call",
  },
  unlink: {
    opcode: 20,
    call: "unlink(path)",
    kernel: "5.11",
    buffer: "none",
    syscall: "unlink",
    submits: ["UNLINKAT"],
    fallback: "system call",
  },
  rmdir: {
    opcode: 21,
    call: "rmdir(path)",
    kernel: "5.11",
    buffer: "none",
    syscall: "rmdir",
    submits: ["UNLINKAT"],
    fallback: "system call",
  },
  mkdir: {
    opcode: 22,
    call: "mkdir(path, mode?)",
    kernel: "5.15",
    buffer: "none",
    syscall: "mkdir",
    submits: ["MKDIRAT"],
    fallback: "system call",
  },
  symlink: {
    opcode: 23,
    call: "symlink(target, path)",
    kernel: "5.15",
    buffer: "none",
    syscall: "symlink",
    submits: ["SYMLINKAT"],
    fallback: "system call",
  },
  link: {
    opcode: 24,
    call: "link(existingPath, newPath)",
    kernel: "5.15",
    buffer: "none",
    syscall: "link",
    submits: ["LINKAT"],
    fallback: "system call",
  },
  cancel: {
    opcode: 25,
    call: "cancel(fd), cancelAll()",
    kernel: "5.5",
    buffer: "none",
    syscall: "cancel",
    submits: ["ASYNC_CANCEL"],
    fallback: "none",
  },
  openat2: {
    opcode: 26,
    call: "openat2(path, { flags?, mode?, resolve?, dirFd? })",
    kernel: "5.6",
    buffer: "none",
    syscall: "openat2",
    submits: ["OPENAT2"],
    fallback: "system call",
  },
  getxattr: {
    opcode: 27,
    call: "getxattr(pathOrFd, name)",
    kernel: "5.19",
    buffer: "fills",
    syscall: "getxattr",
    submits: ["GETXATTR", "FGETXATTR"],
    fallback: "system call",
  },
  setxattr: {
    opcode: 28,
    call: "setxattr(pathOrFd, name, value, { flags? })",
    kernel: "5.19",
    buffer: "reads",
    syscall: "setxattr",
    submits: ["SETXATTR", "FSETXATTR"],
    fallback: "system call",
  },
  splice: {
    opcode: 29,
    call: "splice(fdIn, offIn, fdOut, offOut, length, flags?)",
    kernel: "5.7",
    buffer: "none",
    syscall: "splice",
    submits: ["SPLICE"],
    fallback: "none",
  },
  tee: {
    opcode: 30,
    call: "tee(fdIn, fdOut, length, flags?)",
    kernel: "5.8",
    buffer: "none",
    syscall: "tee",
    submits: ["TEE"],
    fallback: "none",
  },
  poll: {
    opcode: 31,
    call: "poll(fd, events)",
    kernel: "5.1",
    buffer: "none",
    syscall: "poll",
    submits: ["POLL_ADD"],
    fallback: "none",
  },
  madvise: {
    opcode: 32,
    call: "madvise(view, advice)",
    kernel: "5.6",
    buffer: "advised",
    syscall: "madvise",
    submits: ["MADVISE"],
    fallback: "system call",
  },
  pipe: {
    opcode: 33,
    call: "pipe(flags?)",
    kernel: "6.16",
    buffer: "none",
    syscall: "pipe2",
    submits: ["PIPE"],
    fallback: "system call",
  },
  timeout: {
    opcode: 34,
    call: "timeout(ms)",
    kernel: "5.4",
    buffer: "none",
    syscall: "timeout",
    submits: ["TIMEOUT"],
    fallback: "none",
  },
  waitid: {
    opcode: 35,
    call: "waitid(idType, id, { states?, reap? })",
    kernel: "6.7",
    buffer: "none",
    syscall: "waitid",
    submits: ["WAITID"],
    fallback: "none",
  },
  futexWait: {
    opcode: 36,
    call: "futexWait(array, index, expected)",
    kernel: "6.7",
    buffer: "word",
    syscall: "futex_wait",
    submits: ["FUTEX_WAIT"],
    fallback: "none",
  },
  futexWake: {
    opcode: 37,
    call: "futexWake(array, index, count?)",
    kernel: "6.7",
    buffer: "word",
    syscall: "futex_wake",
    submits: ["FUTEX_WAKE"],
    fallback: "none",
  },
  pollEvents: {
    opcode: 38,
    call: "pollEvents(fd, events)",
    kernel: "5.13",
    buffer: "none",
    syscall: "poll",
    submits: ["POLL_ADD"],
    fallback: "one poll after the other",
  },
  /** Has no reply of its own: asks for the next events of the stream in SLOT and GENERATION. */
  nextEvents: {
    opcode: 39,
    call: "",
    kernel: "5.13",
    buffer: "none",
    syscall: "poll",
    submits: [],
    fallback: "none",
  },
} as const;

export type OperationName = keyof typeof operations;
