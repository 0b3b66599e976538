export type { PathLike, Position } from "./arguments.js";
export { checkInteger } from "./arguments.js";
export {
  type BufferView,
  Client,
  type CloseOptions,
  type ReadFileOptions,
  type StatOptions,
  type TransferOptions,
  toGraceMs,
  type WriteFileOptions,
} from "./client.js";
export { connect, connectNow, type EngineHandle } from "./connect.js";
export {
  type CodedError,
  closedError,
  invalidArgType,
  invalidArgValue,
  type OperationError,
  outOfRange,
} from "./node-errors.js";
export type { Lease } from "./slabs.js";
