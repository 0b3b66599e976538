/** The three charts of the article, one per depth. */
import { type Chart, groupedBars, type Row, toPng } from "../chart.js";
import type { Setup } from "../report.js";
import { type CaseResult, valuesOf } from "../rounds.js";
import { blockTitle, cacheTitle, DEPTHS, toCell } from "./cells.js";
import { rivals } from "./rivals.js";
import { READ_PERCENT } from "./work.js";

const WIDTH = 1080;
const HEIGHT = 240;
const BLOCK_SIZES = 3;

export interface Picture {
  /** Without an extension. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
  readonly png: Buffer;
}

/** Of those depths that were measured. */
export async function drawCharts(setup: Setup, results: readonly CaseResult[]): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const depth of DEPTHS) {
    const chart = chartOf(depth, setup, results);
    if (chart.rows.length === 0) continue;
    const svg = await groupedBars(chart);
    pictures.push({ name: `depth-${depth}`, title: chart.title, svg, png: toPng(svg) });
  }
  return pictures;
}

function chartOf(depth: number, setup: Setup, results: readonly CaseResult[]): Chart {
  const { machine, rounds, measureMs } = setup;
  const rows = results.flatMap((result) => {
    const cell = toCell(result.case.parameters);
    return cell.depth === depth
      ? rowsOf(result, blockTitle(cell.blockBytes), cacheTitle(cell))
      : [];
  });
  return {
    title: `Random transfers, ${READ_PERCENT} % reads, ${100 - READ_PERCENT} % writes, depth ${depth}`,
    subtitle: [
      `operations per second, more is better; median of ${rounds} × ${measureMs} ms, whiskers from least to most`,
      `Linux ${machine.kernel}, Node ${machine.node}, ${machine.cpuCount} × ${machine.cpu}`,
    ].join("\n"),
    xTitle: "",
    yTitle: "operations per second",
    series: rivals,
    rows,
    columns: Math.min(BLOCK_SIZES, new Set(rows.map(({ panel }) => panel)).size),
    width: WIDTH,
    height: HEIGHT,
  };
}

function rowsOf(result: CaseResult, block: string, cache: string): Row[] {
  return result.trial.rivals.flatMap((series) => {
    const speed = valuesOf(result, series, "opsPerSecond");
    if (speed === undefined) return [];
    const { median: value, least, most } = speed;
    return [{ x: block, panel: `${cache}, ${block}`, series, value, least, most }];
  });
}
