export type { Names, PathLike, Position } from "./arguments.js";
export { checkBoolean, checkInteger, checkNames } from "./arguments.js";
export type { Chain } from "./chain.js";
export type { ChainError, ChainOutcome } from "./chain-outcome.js";
export {
  type ChainFd,
  type ChainOptions,
  type OpenedFile,
  opened,
  openedBy,
} from "./chain-steps.js";
export type { ChildIdType, ChildState, WaitidOptions } from "./child-state.js";
export { Client, isOpen } from "./client.js";
export { type ClientShare, checkWeight, toShare } from "./client-share.js";
export {
  checkHandle,
  connect,
  connectNow,
  type EngineHandle,
  type RingHandle,
} from "./connect.js";
export {
  type CodedError,
  closedError,
  invalidArgType,
  invalidArgValue,
  type OperationError,
  outOfRange,
} from "./node-errors.js";
export {
  type BufferView,
  type CloseOptions,
  type MkdirOptions,
  type Openat2Options,
  type ReadFileOptions,
  type ReadWriteOptions,
  type RenameOptions,
  type RequestOptions,
  type SetxattrOptions,
  type StatOptions,
  type StatxOptions,
  type TransferOptions,
  toGraceMs,
  type WriteFileOptions,
} from "./options.js";
export type { PollStream } from "./poll-stream.js";
export { nextTurn } from "./real-timers.js";
export type { RequestEvent } from "./request-events.js";
export { SubmitMode } from "./send-off.js";
export type { Lease } from "./slabs.js";
export type { Statx } from "./stat-result.js";
