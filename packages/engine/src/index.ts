export { Engine, type EngineReport } from "./engine.js";
export type { RingReport } from "./engine-ring.js";
export { type HistogramBucket, percentile } from "./histogram.js";
export type { EngineOptions } from "./options.js";
export type { Reason, UnavailableError } from "./refusal.js";
export type { ClientStats, EngineStats, RequestStats } from "./stats.js";
