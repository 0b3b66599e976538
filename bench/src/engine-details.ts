/** What an engine's counters say about how well requests were batched. */
import type { Engine } from "ringpost";
import type { Measurement, Metric } from "./trial.js";

export const ENGINE_DETAILS: readonly Metric[] = [
  { key: "requestsPerBatch", title: "requests per batch", digits: 1, isDetail: true },
  { key: "requestsPerWake", title: "requests per wake of the client", digits: 1, isDetail: true },
  { key: "doorbellsPerRequest", title: "doorbells per request", digits: 4, isDetail: true },
  { key: "entersPerRequest", title: "enters per request", digits: 4, isDetail: true },
];

interface Counts {
  readonly requests: number;
  readonly batches: number;
  readonly wakes: number;
  readonly doorbells: number;
  readonly enters: number;
}

export function countEngine(engine: Engine | undefined): Counts | undefined {
  if (engine === undefined) return undefined;
  const { enters, clients } = engine.stats();
  const sum = (count: (client: (typeof clients)[number]) => number): number =>
    clients.reduce((total, client) => total + count(client), 0);
  return {
    requests: sum((client) => client.posted),
    batches: sum((client) => client.batches),
    wakes: sum((client) => client.wakeups),
    doorbells: sum((client) => client.doorbells),
    enters,
  };
}

export function detailsBetween(before: Counts | undefined, after: Counts | undefined): Measurement {
  if (before === undefined || after === undefined) return {};
  const requests = Math.max(1, after.requests - before.requests); // none where all reads were hot
  return {
    requestsPerBatch: requests / Math.max(1, after.batches - before.batches),
    requestsPerWake: requests / Math.max(1, after.wakes - before.wakes),
    doorbellsPerRequest: (after.doorbells - before.doorbells) / requests,
    entersPerRequest: (after.enters - before.enters) / requests,
  };
}
