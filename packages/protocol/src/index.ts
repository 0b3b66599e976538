export { documentOperations, renderOperations } from "./documentation.js";
export { constants, layoutHash } from "./hash.js";
export { renderHeader } from "./header.js";
export { BATCH_BUCKETS, batchBucket, LATENCY_BUCKETS } from "./histogram.js";
export * from "./layout.js";
export { type BufferUse, type Operation, type OperationName, operations } from "./operations.js";
export { type RingOperation, ringOperations } from "./ring-operations.js";
