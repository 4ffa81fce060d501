/**
 * The plots of docs/SCALING.md, drawn from the simulation and from what was measured, each with its numbers as a table. The
 * same inputs give the same bytes, so that a test can hold them up to date; docs.ts writes them.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { billOf, usualBill } from "../cost/bill.ts";
import { of } from "../cost/inputs.ts";
import { usualSale, type SaleOptions } from "./options.ts";
import { simulate, type Simulated } from "./simulate.ts";

export interface Drawing {
  /** Of the file. */
  name: string;
  title: string;
  /** What it shows, for who does not see it; the table has the numbers. */
  alternative: string;
  head: string[];
  rows: string[][];
  svg: string;
}

interface Point {
  x: number;
  y: number;
  series: string;
}

const count = (value: number) => Math.round(value).toLocaleString("en");

export function drawings(): Drawing[] {
  return [joins(), sellingOut(), costs(), memory()];
}

function joins(): Drawing {
  const plans = [1_000, 3_000, 10_000, 30_000, 100_000];
  const kinds = [
    { series: "a call for each", perJoin: of("commands.join") },
    { series: "in shards", perJoin: of("batch.commandsPerCall") / of("batch.joinsPerCall") },
  ];
  const points = plans.flatMap((x) => kinds.map(({ series, perJoin }) => ({ x, y: x / perJoin, series })));
  return drawing({
    name: "joins",
    title: "Joins a second by what the Redis plan allows",
    alternative:
      "Joins a second rise in proportion to the commands a second that the plan allows. In shards they are about ninety times as many as with a call for each.",
    axes: ["Redis commands a second", "joins a second"],
    points,
    scales: ["log", "log"],
  });
}

/** Who does not pay is chance, and the last units depend on few of them: the mean of some sales. */
const SEEDS = [1, 2, 3, 4, 5];

function sellingOut(): Drawing {
  const sizes = [50, 100, 200, 500, 1_000, 2_000];
  const points = sizes.flatMap((releaseSize) => {
    const sales = SEEDS.map((seed) => simulate({ ...usualSale(300_000, 10_000), releaseSize, seed }));
    const mean = (of: (sale: Simulated) => number | undefined) =>
      sales.reduce((sum, sale) => sum + (of(sale) ?? 0), 0) / sales.length / 60;
    return [
      { x: releaseSize, y: mean(({ soldOutSeconds }) => soldOutSeconds), series: "all" },
      { x: releaseSize, y: mean(({ mostSoldSeconds }) => mostSoldSeconds), series: "95 %" },
    ];
  });
  return drawing({
    name: "selling-out",
    title: "Minutes to sell 10,000 units by the release size",
    alternative:
      "95 % is sold the sooner the larger a release is, until about 500 people at a time. All is sold only when the last hold that ended unpaid was sold again, which no release size makes sooner.",
    axes: ["people at each release", "minutes"],
    points,
    scales: ["log", "linear"],
  });
}

const CROWDS = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
const bill = (sale: SaleOptions) => billOf(sale, simulate(sale), usualBill);

function costs(): Drawing {
  const points = CROWDS.flatMap((visitors) => {
    const { lines, totalDollars } = bill(usualSale(visitors, visitors / 100));
    const redis = lines.filter(({ part }) => part === "Redis").reduce((sum, { dollars }) => sum + dollars, 0);
    return [
      { x: visitors, y: totalDollars, series: "all" },
      { x: visitors, y: redis, series: "Redis" },
    ];
  });
  return drawing({
    name: "costs",
    title: "Dollars for a sale by its visitors",
    alternative:
      "The cost of a sale is the base price of the plans until some hundred thousand visitors, and then rises with the looks that people take while they wait. Redis is a small part of it.",
    axes: ["visitors", "dollars"],
    points,
    scales: ["log", "log"],
  });
}

function memory(): Drawing {
  const points = CROWDS.map((x) => ({ x, y: (x * of("redis.bytesPerPerson")) / 1e6, series: "Redis" }));
  return drawing({
    name: "memory",
    title: "Megabytes of Redis by people in line",
    alternative:
      "Each person in line takes 126 bytes of Redis, so a million take 126 MB and ten million 1.26 GB.",
    axes: ["people in line", "MB"],
    points,
    scales: ["log", "log"],
  });
}

function drawing({
  axes,
  points,
  scales,
  ...about
}: Pick<Drawing, "name" | "title" | "alternative"> & {
  axes: [string, string];
  points: Point[];
  scales: ["log" | "linear", "log" | "linear"];
}): Drawing {
  const series = [...new Set(points.map((point) => point.series))];
  const xs = [...new Set(points.map(({ x }) => x))];
  const at = (x: number, name: string) =>
    points.find((point) => point.x === x && point.series === name)?.y ?? 0;
  const shown = (y: number) => (y < 10 ? y.toPrecision(2) : count(y));
  return {
    ...about,
    head: [axes[0], ...series.map((name) => (series.length > 1 ? `${axes[1]}, ${name}` : axes[1]))],
    rows: xs.map((x) => [count(x), ...series.map((name) => shown(at(x, name)))]),
    svg: plot(about, axes, points, scales, series),
  };
}

/** Drawn in the colour of text, with a style that follows the reader's dark or light. */
const STYLE = `svg{background:#fff;color:#1f2328;font:12px system-ui,sans-serif}.a{color:#0b62c4}.b{color:#b04a00}
@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}.a{color:#6cb6ff}.b{color:#ffa657}}`;

function plot(
  { title, alternative }: Pick<Drawing, "title" | "alternative">,
  [x, y]: [string, string],
  points: Point[],
  [xType, yType]: ["log" | "linear", "log" | "linear"],
  series: string[],
): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({
    document,
    width: 640,
    height: 360,
    marginLeft: 64,
    marginRight: 110,
    marginBottom: 44,
    x: { type: xType, label: x, tickFormat: "~s", ticks: 6 },
    y: {
      type: yType,
      label: y,
      tickFormat: "~s",
      ticks: 6,
      grid: true,
      ...(yType === "linear" ? { zero: true } : {}),
    },
    marks: series.flatMap((name, nth) => {
      const own = points.filter((point) => point.series === name);
      const className = nth === 0 ? "a" : "b";
      const drawn = { x: "x", y: "y", className } as const;
      return [
        Plot.line(own, { ...drawn, stroke: "currentColor", strokeWidth: 2 }),
        Plot.dot(own, { ...drawn, fill: "currentColor", r: 3 }),
        Plot.text(own.slice(-1), {
          ...drawn,
          text: "series",
          textAnchor: "start",
          dx: 8,
          fill: "currentColor",
        }),
      ];
    }),
  });
  for (const style of svg.querySelectorAll("style")) style.remove();
  const about = `<title>${title}</title><desc>${alternative}</desc><style>${STYLE}</style>`;
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("role", "img");
  return `${svg.outerHTML.replace(/^(<svg[^>]*>)/, `$1${about}`)}\n`;
}

/** The text alternative of a plot, as docs/SCALING.md has it. */
export function tableOf({ name, title, alternative, head, rows }: Drawing): string {
  return [
    `![${title}. ${alternative}](scaling/${name}.svg)`,
    "",
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---:").join("|")}|`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
}
