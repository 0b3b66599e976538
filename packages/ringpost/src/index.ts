export {
  type BufferView,
  Client,
  type CloseOptions,
  connect,
  type EngineHandle,
  type Lease,
  type PathLike,
  type Position,
  type ReadFileOptions,
  type StatOptions,
  type TransferOptions,
  type WriteFileOptions,
} from "@ringpost/client";
export {
  type ClientStats,
  Engine,
  type EngineOptions,
  type EngineReport,
  type EngineStats,
  type Reason,
  type UnavailableError,
} from "@ringpost/engine";
