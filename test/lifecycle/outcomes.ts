/** What a request may come to whose client or engine goes away: its reply, its cancellation, or the news that it is gone. */
export const OUTCOMES = ["resolved", "ECANCELED", "ERR_RINGPOST_CLOSED"];

/** All outcomes together, as fixtures/outcomes.mjs counted them. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
