/**
 * The charts of the live page. Their history is what this browser has seen, a point a second, kept for the tab: so that it
 * costs the system nothing and outlives a reload.
 */
import uPlot from "./charts/uPlot.esm.js";
import { unitsOf } from "./figures.js";

/** @typedef {import("../../domain/api.ts").Live} Live */

/** A quarter of an hour. */
const POINTS_MAX = 900;

/** What a point has, in this order, behind its time in seconds. @type {((live: Live) => number | null)[]} */
const values = [
  ({ line }) => line.waiting,
  ({ line }) => line.inside,
  ({ items }) => unitsOf(items, "confirmed"),
  ({ items }) => unitsOf(items, "held"),
  ({ perSecond }) => perSecond,
  ({ stored }) => stored?.ordersPerSecond ?? null,
  ({ turnedAway }) => turnedAway.limited,
  ({ turnedAway }) => turnedAway.failed,
];

/** @typedef {{ title: string, series: { label: string, at: number, colour: string, dash?: number[] }[], perSecond?: true }} Chart */

/** Series are told apart by dashes too. @type {Chart[]} */
const charts = [
  {
    title: "People",
    series: [
      { label: "in line", at: 0, colour: "--accent" },
      { label: "inside", at: 1, colour: "--good", dash: [6, 3] },
    ],
  },
  {
    title: "Units",
    series: [
      { label: "sold", at: 2, colour: "--good" },
      { label: "reserved", at: 3, colour: "--warn", dash: [6, 3] },
    ],
  },
  {
    title: "A second",
    series: [
      { label: "admissions", at: 4, colour: "--accent" },
      { label: "orders", at: 5, colour: "--good", dash: [6, 3] },
    ],
  },
  {
    title: "Turned away, a second",
    perSecond: true,
    series: [
      { label: "429", at: 6, colour: "--warn" },
      { label: "5xx", at: 7, colour: "--bad", dash: [6, 3] },
    ],
  },
];

/** @param {string} sale */
const keyOf = (sale) => `live-${sale}`;

/** @type {(number | null)[][] | undefined} */
let points;

/** @param {string} sale @returns {(number | null)[][]} */
function pointsOf(sale) {
  if (points !== undefined) return points;
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(sale)) ?? "[]");
    points = Array.isArray(kept) ? kept : [];
  } catch {
    points = [];
  }
  return points;
}

/** @param {string} sale @param {Live} live */
export function addPoint(sale, live) {
  const all = pointsOf(sale);
  const point = [Date.parse(live.now) / 1000, ...values.map((value) => value(live))];
  if ((all.at(-1)?.[0] ?? 0) >= (point[0] ?? 0)) return;
  all.push(point);
  if (all.length > POINTS_MAX) all.shift();
  try {
    sessionStorage.setItem(keyOf(sale), JSON.stringify(all));
  } catch {
    // Without room the history is this page's.
  }
}

/** @param {number} at @param {boolean} perSecond how much it grew a second, instead of what it is @returns {(number | null)[]} */
function seriesOf(at, perSecond) {
  const all = points ?? [];
  if (!perSecond) return all.map((point) => point[at + 1] ?? null);
  return all.map((point, i) => {
    const [before, now] = [all[i - 1]?.[at + 1], point[at + 1]];
    const seconds = (point[0] ?? 0) - (all[i - 1]?.[0] ?? 0);
    return before == null || now == null ? null : Math.max(0, (now - before) / seconds);
  });
}

/** @type {uPlot[]} */
let drawn = [];

/** @param {string} sale */
export function drawCharts(sale) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("#charts"));
  if (place === null) return;
  const times = pointsOf(sale).map(([time]) => time ?? 0);
  if (times.length < 2) return;
  place.hidden = false;
  if (drawn.length === 0) drawn = charts.map((chart) => begin(place, chart));
  charts.forEach(({ series, perSecond }, i) => {
    drawn[i]?.setData([times, ...series.map(({ at }) => seriesOf(at, perSecond === true))]);
  });
}

/** @param {HTMLElement} place @param {Chart} chart @returns {uPlot} */
function begin(place, { title, series }) {
  const box = document.createElement("figure");
  box.className = "card chart";
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  const canvas = document.createElement("div");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${title}: ${series.map(({ label }) => label).join(" and ")} over time`);
  box.append(caption, canvas);
  place.append(box);
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const plot = new uPlot(
    {
      width: canvas.clientWidth,
      height: 150,
      cursor: { show: false },
      scales: { y: { range: (_self, _min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [
        { ...axis, size: 30 },
        { ...axis, size: 46 },
      ],
      series: [
        {},
        ...series.map(({ label, colour: name, dash }) => ({
          label,
          stroke: colour(name),
          width: 2,
          points: { show: false },
          ...(dash === undefined ? {} : { dash }),
        })),
      ],
      legend: { live: false },
    },
    [[], ...series.map(() => [])],
    canvas,
  );
  new ResizeObserver(() => plot.setSize({ width: canvas.clientWidth, height: 150 })).observe(box);
  return plot;
}

/** In other colours, they are begun anew. */
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of drawn) plot.destroy();
  drawn = [];
  document.querySelector("#charts")?.replaceChildren();
});
