import { expect, test } from "vitest";
import { type Chart, groupedBars, lines, type Row, toPng } from "./chart.js";

const series = [
  { name: "ringpost", tone: "ours" },
  { name: "fs.read", tone: "rival" },
  { name: "fio", tone: "reference" },
  { name: "nobody", tone: "rival" },
] as const;
const cells = ["16 KiB, depth 8", "16 KiB, depth 32", "1 MiB, depth 8"];

const rows: Row[] = cells.flatMap((x, nth) => [
  { x, series: "ringpost", value: 12_345 * (nth + 1), least: 12_000, most: 14_000 * (nth + 1) },
  { x, series: "fs.read", value: 4000 * (nth + 1) },
  { x, series: "fio", value: 13_000 * (nth + 1) },
]);

const chart: Chart = {
  title: "Random reads & writes",
  subtitle: "O_DIRECT\nmore is better",
  xTitle: "block size and depth",
  yTitle: "operations per second",
  series,
  rows,
};

/** In the order of the picture's elements. */
function textsIn(svg: string): string[] {
  return [...svg.matchAll(/>([^<>]+)<\/(?:text|tspan)>/g)].map(([, text]) => text!);
}

const heightOf = (svg: string): number => Number(/<svg[^>]* height="([\d.]+)"/.exec(svg)?.[1]);

test.each([
  ["grouped bars", groupedBars],
  ["lines", lines],
])(
  "%s have titles, axes, a legend of what is shown, and the cells in their order",
  async (_, draw) => {
    const texts = textsIn(await draw(chart));
    expect(texts).toEqual(
      expect.arrayContaining([
        "Random reads &amp; writes",
        "more is better",
        "block size and depth",
        "operations per second",
        "ringpost",
        "fs.read",
        "fio",
      ]),
    );
    expect(texts).not.toContain("nobody");
    expect(texts.filter((text) => cells.includes(text))).toEqual(cells);
  },
);

test("ringpost's bars alone have their values on them", async () => {
  const texts = textsIn(await groupedBars(chart));
  expect(texts).toContain("12.3k");
  expect(texts).not.toContain("13k");
});

test("panels have titles, and bars stand on the axis where it is logarithmic", async () => {
  const panels = rows.map((row, nth) => ({ ...row, panel: nth % 2 === 0 ? "cached" : "direct" }));
  const svg = await groupedBars({ ...chart, rows: panels, scale: "log" });
  expect(textsIn(svg)).toEqual(expect.arrayContaining(["cached", "direct"]));
  const beside = await groupedBars({ ...chart, rows: panels, columns: 2 });
  expect(heightOf(beside)).toBeLessThan(heightOf(svg));
  expect(/NaN|Infinity/.test(svg)).toBe(false);
});

test("a row of an unknown series is a mistake", async () => {
  const stray = { x: cells[0]!, series: "stray", value: 1 };
  await expect(groupedBars({ ...chart, rows: [stray] })).rejects.toThrow("no series stray");
});

test("an SVG becomes a PNG of twice its size, with text in it", async () => {
  const svg = await groupedBars(chart);
  const [, width] = /<svg[^>]* width="([\d.]+)"/.exec(svg)!;
  const png = toPng(svg);
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect(png.readUInt32BE(16)).toBeCloseTo(Number(width) * 2, -1);
  const withoutText = toPng(svg.replace(/<text.*?<\/text>/g, ""));
  expect(png.length).toBeGreaterThan(withoutText.length);
});
