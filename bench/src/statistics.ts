/** What several rounds come to. */
export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Returns undefined where there is nothing to sum up. */
export function summarize(values: readonly number[]): Summary | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const least = sorted[0];
  const most = sorted.at(-1);
  if (least === undefined || most === undefined) return undefined;
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { median, least, most };
}
