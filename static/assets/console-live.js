/**
 * Draws the live page anew each second. What it shows is what the page showed (figures.js); a poll that fails is said with
 * the age of what stands there, and the page comes back by itself. Charts are drawn from what this browser has seen.
 */
import { addPoint, drawCharts } from "./console-charts.js";
import { alertsOf, figuresOf } from "./figures.js";

/** @typedef {import("../../domain/api.ts").Live} Live @typedef {import("../../domain/api.ts").Problem} Problem */

const EVERY_MS = 1_000;
/** An answer that takes longer is none. */
const WITHIN_MS = 8_000;
/** What stands there for longer is marked as old. */
const OLD_MS = 2_500;

/** What the system says when it has no figures. @type {Partial<Record<Problem["type"], string>>} */
const troubles = {
  unavailable: "Redis does not answer. Nothing is sold and nothing is lost; pages go on from the cache.",
  on_hold: "Redis does not know this sale any more. Nothing is sold: rebuild it.",
  unauthorized: "You are signed out. Reload the page to sign in again.",
  rate_limited: "Too many consoles are open behind this address: the figures come more slowly.",
};

/** @param {string} selector @param {ParentNode} [within] @returns {HTMLElement | null} */
const find = (selector, within = document) => within.querySelector(selector);

/** @param {Element | null} element @param {string} text */
function say(element, text) {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

const root = /** @type {HTMLElement} */ (find("#live"));
const { url = "", sale = "", currency = "EUR" } = root.dataset;
let seenAtMs = Date.now();
/** The server's clock less this one's. */
let aheadMs = 0;
let trouble = "";

/** @param {Live} live */
function draw(live) {
  const figures = figuresOf(live, currency);
  for (const [name, figure] of Object.entries(figures)) {
    /** @type {import("./figures.js").Figure} */
    const { text, note = "", state = "" } = figure;
    const cell = find(`[data-figure="${name}"]`);
    if (cell !== null) {
      cell.className = state === "" ? "figure" : `figure figure-${state}`;
      say(find(".figure-text", cell), text);
      say(find(".figure-note", cell), note);
    }
    const tag = find(`[data-tag="${name}"]`);
    if (tag !== null) tag.className = `tag tag-${state}`;
    say(tag, text);
  }
  for (const item of live.items)
    for (const [account, units] of Object.entries(item)) {
      const cell = find(`#items [data-sku="${CSS.escape(item.sku)}"] [data-account="${account}"]`);
      say(cell, Number(units).toLocaleString("en"));
    }
  drawAlerts(alertsOf(live));
}

/** @param {{ state: string, text: string }[]} alerts said once: only a change is */
function drawAlerts(alerts) {
  const place = find("#alerts");
  const all = trouble === "" ? alerts : [{ state: "bad", text: trouble }];
  const before = [...(place?.children ?? [])].map((alert) => alert.textContent);
  if (before.join("\n") === all.map(({ text }) => text).join("\n")) return;
  place?.replaceChildren(
    ...all.map(({ state, text }) => {
      const note = document.createElement("p");
      note.className = `note note-${state}`;
      note.textContent = text;
      return note;
    }),
  );
}

/** @param {number} ms */
function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h > 48) return `${Math.floor(h / 24)} days`;
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}

function drawClock() {
  const ageMs = Date.now() - seenAtMs;
  const isOld = ageMs > OLD_MS;
  root.classList.toggle("stale", isOld);
  const freshness = find("#freshness");
  freshness?.classList.toggle("freshness-bad", isOld);
  say(
    freshness,
    isOld
      ? `Last seen ${Math.round(ageMs / 1000)} s ago: no answer. Trying again.`
      : `Live, ${(ageMs / 1000).toFixed(0)} s old`,
  );
  const place = find("[data-countdown]");
  const nowMs = Date.now() + aheadMs;
  const [opensAtMs, closesAtMs] = [place?.dataset["opens"], place?.dataset["closes"]].map((at) =>
    Date.parse(at ?? ""),
  );
  if (opensAtMs === undefined || closesAtMs === undefined) return;
  if (nowMs < opensAtMs) say(place, `Opens in ${duration(opensAtMs - nowMs)}`);
  else if (nowMs < closesAtMs) say(place, `Closes in ${duration(closesAtMs - nowMs)}`);
  else say(place, `Closed ${duration(nowMs - closesAtMs)} ago`);
}

async function look() {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS), cache: "no-store" });
    if (answer.ok) {
      /** @type {Live} */
      const live = await answer.json();
      // The page was made while there was nothing to show.
      if (find("[data-figure]") === null) location.reload();
      trouble = "";
      seenAtMs = Date.now();
      aheadMs = Date.parse(live.now) - seenAtMs;
      addPoint(sale, live);
      draw(live);
      drawCharts(sale);
    } else {
      /** @type {Problem} */
      const problem = await answer.json();
      trouble = troubles[problem.type] ?? problem.title;
      drawAlerts([]);
    }
  } catch {
    // No answer at all: the age says it.
  }
}

/** One look at a time; those nobody sees are left out. */
async function go() {
  for (;;) {
    const startedMs = Date.now();
    if (!document.hidden) await look();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, startedMs + EVERY_MS - Date.now())));
  }
}

setInterval(drawClock, EVERY_MS / 2);
void go();
