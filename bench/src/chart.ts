/**
 * Charts of a report: grouped bars and lines as SVG, and as PNG of that. Ringpost's series stand out in warm colours; rivals are blue,
 * references (what is no rival but tells what the machine can do) are grey.
 */
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";

export type Tone = "ours" | "rival" | "reference";

export interface Series {
  readonly name: string;
  readonly tone: Tone;
}

export interface Row {
  /** The cell: where on the x axis. */
  readonly x: string;
  /** The name of one of the series. */
  readonly series: string;
  readonly value: number;
  /** The range of the rounds, drawn as a whisker where both are given. */
  readonly least?: number;
  readonly most?: number;
  /** Charts with the same axes, one below the other unless there are columns, each with a scale of its own. */
  readonly panel?: string;
}

export interface Chart {
  readonly title: string;
  readonly subtitle?: string;
  readonly xTitle: string;
  /** With its unit. */
  readonly yTitle: string;
  /** In the order of the legend. A series without rows isn't shown. */
  readonly series: readonly Series[];
  /** Cells and panels appear in the order of their first rows. */
  readonly rows: readonly Row[];
  /** "log" where values differ by powers of ten; bars then begin at the least power. */
  readonly scale?: "linear" | "log";
  /** So many panels stand beside each other. Default 1. */
  readonly columns?: number;
  /** Of all panels beside each other, in pixels. */
  readonly width?: number;
  /** Of one panel, in pixels. */
  readonly height?: number;
}

const COLOURS: Readonly<Record<Tone, readonly string[]>> = {
  ours: ["#d1370f", "#f58a1f", "#9c1c4f", "#f2b705", "#7a2e0e"],
  rival: ["#1f4e8c", "#3f8fd2", "#8cc4ee", "#1d8a99", "#6f7fc8", "#7fc8b2"],
  reference: ["#3d4148", "#84898f", "#c3c7cc", "#5e6b62"],
};

const DEFAULT_WIDTH = 960;
const DEFAULT_HEIGHT = 320;
/** Verdana is as wide as DejaVu Sans, which the PNG is drawn with: both look alike. */
const FONT = "Verdana, 'DejaVu Sans', sans-serif";
/** PNG pixels per pixel of the SVG, for screens with many of them. */
const PNG_SCALE = 2;

/** One group of bars per cell, one bar per series; ringpost's have their values above them. */
export function groupedBars(chart: Chart): Promise<string> {
  const { height = DEFAULT_HEIGHT } = chart;
  const onLog = chart.scale === "log";
  // Logarithms have no zero for a bar to stand on.
  const base = onLog ? powerBelow(chart.rows.map(({ value }) => value)) : 0;
  const x = xChannel(chart, { paddingInner: 0.18, paddingOuter: 0.08 });
  const xOffset = { field: "series", scale: { domain: namesOf(chart) } };
  const y = yChannel(chart, "value");
  const bar = {
    mark: { type: "bar", cornerRadiusEnd: 1.5 },
    encoding: { x, xOffset, y, y2: { datum: base }, color: colourChannel(chart) },
  };
  const label = {
    transform: [{ filter: "datum.tone === 'ours'" }],
    mark: {
      type: "text",
      dy: -6,
      fontSize: 9,
      fontWeight: "bold",
      angle: 270,
      align: "left",
      dx: 6,
    },
    encoding: {
      x,
      xOffset,
      y: yChannel(chart, "top"),
      text: { field: "label" },
      color: { value: "#222" },
    },
  };
  return draw(chart, { height, layer: [bar, whisker({ x, xOffset }, chart), label] });
}

/** One line per series over the cells; ringpost's are thicker. */
export function lines(chart: Chart): Promise<string> {
  const { height = DEFAULT_HEIGHT } = chart;
  const x = xChannel(chart, { padding: 0.5 });
  const y = yChannel(chart, "value");
  const width = { condition: { test: "datum.tone === 'ours'", value: 4 }, value: 2 };
  const line = {
    mark: { type: "line", point: { size: 60 } },
    encoding: { x, y, color: colourChannel(chart), strokeWidth: width },
  };
  return draw(chart, { height, layer: [line, whisker({ x, color: colourChannel(chart) }, chart)] });
}

/** A picture of an SVG, twice as large. Text is drawn with DejaVu Sans, whatever fonts the machine has. */
export function toPng(svg: string): Buffer {
  const require = createRequire(import.meta.url);
  const fontFiles = ["DejaVuSans", "DejaVuSans-Bold"].map((name) =>
    require.resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`),
  );
  const family = "DejaVu Sans";
  const font = {
    fontFiles,
    loadSystemFonts: false,
    defaultFontFamily: family,
    sansSerifFamily: family,
  };
  return new Resvg(svg, { font, fitTo: { mode: "zoom", value: PNG_SCALE } }).render().asPng();
}

/** A piece of a Vega-Lite specification. Plain data; Vega-Lite says what is wrong with it when it compiles. */
type Spec = Readonly<Record<string, unknown>>;

function xChannel(chart: Chart, scale: Spec): Spec {
  return {
    field: "x",
    type: "ordinal",
    sort: inOrder(chart.rows.map((row) => row.x)),
    title: chart.xTitle,
    axis: { labelAngle: 0, ticks: false, labelPadding: 6, domainColor: "#888" },
    scale,
  };
}

/** 20k, but 0.2 (not 200m). A logarithmic axis leaves most labels empty. */
const Y_LABEL = "datum.label && datum.value < 1 ? format(datum.value, '~g') : datum.label";

function yChannel({ yTitle, scale }: Chart, field: string): Spec {
  return {
    field,
    type: "quantitative",
    title: yTitle,
    axis: {
      format: "~s",
      labelExpr: Y_LABEL,
      gridColor: "#e4e4e4",
      domain: false,
      ticks: false,
      tickCount: 6,
    },
    scale: scale === "log" ? { type: "log" } : { zero: true },
  };
}

function colourChannel(chart: Chart): Spec {
  const shown = shownSeries(chart);
  const used: Record<Tone, number> = { ours: 0, rival: 0, reference: 0 };
  const range = shown.map(({ tone }) => {
    const colours = COLOURS[tone];
    return colours[used[tone]++ % colours.length]!;
  });
  return {
    field: "series",
    type: "nominal",
    scale: { domain: namesOf(chart), range },
    legend: { title: null, orient: "top", columns: 4, symbolType: "square", labelLimit: 280 },
  };
}

/** From the least to the most of the rounds. */
function whisker(place: Spec, { yTitle, scale }: Chart): Spec {
  return {
    transform: [{ filter: "isValid(datum.least) && isValid(datum.most)" }],
    mark: { type: "rule", strokeWidth: 1, color: "#222", opacity: 0.65 },
    encoding: {
      ...place,
      y: {
        field: "least",
        type: "quantitative",
        title: yTitle,
        ...(scale === "log" ? { scale: { type: "log" } } : {}),
      },
      y2: { field: "most" },
    },
  };
}

function shownSeries({ series, rows }: Chart): readonly Series[] {
  const used = new Set(rows.map((row) => row.series));
  return series.filter(({ name }) => used.has(name));
}

const namesOf = (chart: Chart): string[] => shownSeries(chart).map(({ name }) => name);

const inOrder = <T>(values: readonly T[]): T[] => [...new Set(values)];

function powerBelow(values: readonly number[]): number {
  return 10 ** Math.floor(Math.log10(Math.min(...values.filter((value) => value > 0))));
}

/** What the marks need of a row, beside what it has. */
function toDatum(row: Row, tones: ReadonlyMap<string, Tone>): Spec {
  const tone = tones.get(row.series);
  if (tone === undefined) throw new Error(`The chart has no series ${row.series}`);
  return { ...row, tone, top: row.most ?? row.value, label: shortNumber(row.value) };
}

/** As few digits as tell two bars apart: 950, 12.3k, 1.05M. */
function shortNumber(value: number): string {
  const format = new Intl.NumberFormat("en", {
    notation: "compact",
    maximumSignificantDigits: 3,
  });
  return format.format(value).replace("K", "k");
}

async function draw(chart: Chart, spec: Spec): Promise<string> {
  const tones = new Map(chart.series.map(({ name, tone }) => [name, tone]));
  const panels = inOrder(chart.rows.map((row) => row.panel));
  const columns = chart.columns ?? 1;
  const width = Math.floor((chart.width ?? DEFAULT_WIDTH) / columns);
  const values = chart.rows.map((row) => toDatum(row, tones));
  const byPanel = {
    facet: {
      field: "panel",
      sort: panels,
      header: { title: null, labelAnchor: "start", labelPadding: 4 },
    },
    columns,
    spec: { width, ...spec },
    resolve: { scale: { y: "independent" }, axis: { x: "independent" } },
  };
  const full = {
    title: { text: chart.title, subtitle: chart.subtitle?.split("\n") ?? [] },
    data: { values },
    ...(panels[0] === undefined ? { width, ...spec } : byPanel),
    background: "white",
    padding: 16,
    config: {
      font: FONT,
      title: {
        anchor: "start",
        fontSize: 17,
        subtitleFontSize: 12,
        subtitleColor: "#555",
        subtitlePadding: 6,
        offset: 14,
      },
      axis: { labelFontSize: 11, titleFontSize: 12, titlePadding: 10, labelColor: "#333" },
      header: { labelFontSize: 13, labelFontWeight: "bold" },
      legend: { labelFontSize: 11, columnPadding: 18 },
      view: { stroke: null },
    },
  };
  return render(full);
}

interface VegaLite {
  compile(spec: Spec): { readonly spec: Spec };
}

interface Vega {
  parse(spec: Spec): unknown;
  View: new (runtime: unknown, options: { renderer: "none" }) => { toSVG(): Promise<string> };
}

async function render(spec: Spec): Promise<string> {
  // Not by name: their type declarations need those of a browser.
  const load = (name: string): Promise<unknown> => import(name);
  const { compile } = (await load("vega-lite")) as VegaLite;
  const { parse, View } = (await load("vega")) as Vega;
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}
