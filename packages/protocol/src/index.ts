export * from "./errno.js";
export { layoutHash } from "./hash.js";
export { BATCH_BUCKETS, batchBucket, LATENCY_BUCKETS } from "./histogram.js";
export * from "./layout.js";
export { type Operation, type OperationName, operations } from "./operations.js";
export { type RingOperation, ringOperations } from "./ring-operations.js";
