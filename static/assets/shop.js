// @ts-check
/**
 * A sale's page with JavaScript: watches the pulse, draws the card, takes the forms over. The page works without it.
 *
 * Waiting costs the system nothing: the pulse is the same for everybody and comes from a cache, and only when
 * `nowServing` reaches the number is `entry` called.
 */
import { around, now, paceMs, pause } from "./api.js";
import { botCheck } from "./bot-check.js";
import { refusalTexts } from "./line.js";
import { m, momentText } from "./say.js";
import { openSession, remembering } from "./session.js";
import { takesAddresses, views, waitingTexts } from "./view.js";

/** How often something is read out at the most, but for what cannot wait. */
const ANNOUNCE_EVERY_MS = 30_000;
/** What cannot: it is their turn, their order, or all is over. */
const urgent = new Set(["turn", "held", "order", "missed", "sold_out", "closed"]);
const POLL_MAX_MS = 30_000;
/** Until the first pulse says better, and while something is not known yet. */
const POLL_FIRST_MS = 2000;
const POLL_MIN_MS = 250;
/** A hidden page without a place in line stops looking after this long. */
const HIDDEN_MAX_MS = 60_000;

for (const time of document.querySelectorAll("time")) time.textContent = momentText(time.dateTime);
const card = document.getElementById("live");
if (card?.dataset["handover"] !== undefined) handOver(card.dataset["sale"] ?? "", card.dataset["handover"]);
else if (card) start(card);

/**
 * A form was sent before this script was there. What the personal page knows, the sale's page goes on with.
 * @param {string} sale @param {string} known
 */
function handOver(sale, known) {
  const { id } = JSON.parse(sale);
  const memory = remembering(`sale:${id}`);
  const page = location.pathname.replace(/\/[a-z]+$/, "");
  if (memory.set({ ...memory.get(), ...JSON.parse(known) })) location.replace(page);
}

/** @param {HTMLElement} card */
function start(card) {
  /** @type {import("./view.js").Sale} */
  const sale = JSON.parse(card.dataset["sale"] ?? "{}");
  const [polite, atOnce] = ["announce", "alert"].map((id) => document.getElementById(id));
  const loginUrl = card.dataset["login"];
  const title = document.title;
  const body = document.createElement("div");
  // Not in the body, which is made anew with each step: a check goes on while the sale opens.
  const checkPlace = document.createElement("div");
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.hidden = true;

  let shown = "";
  let shownSale = sale;
  /** @type {import("./view.js").View} */
  let view = { nodes: [] };
  let announcedAt = 0;
  let signalled = false;
  /** @type {{ siteKey: string, script: string } | null} */
  const widget = JSON.parse(card.dataset["botCheck"] ?? "null");
  const check = widget ? () => botCheck(widget, checkPlace) : undefined;
  const session = openSession(sale, render, check);

  /** @param {string} text */
  function announce(text) {
    if (Date.now() - announcedAt < ANNOUNCE_EVERY_MS) return;
    announcedAt = Date.now();
    if (polite) polite.textContent = text;
  }

  /**
   * The new step: its heading has the focus, unless the reader is elsewhere on the page; then it is read out.
   * @param {string} name @param {HTMLElement | null} heading @param {boolean} isHere
   */
  function arrive(name, heading, isHere) {
    announcedAt = Date.now();
    if (isHere) heading?.focus({ preventScroll: name !== "turn" });
    else if (atOnce && urgent.has(name)) atOnce.textContent = heading?.textContent ?? "";
  }

  function render() {
    const stage = session.stage();
    const { at, phase, called, inLobby, memory } = session;
    const model = {
      loginUrl,
      phase: phase(),
      now: now(),
      called: called(),
      number: memory().number ?? 0,
      lobby: inLobby(),
      confirmed: memory().confirmed === true,
      registration: memory().registration,
      joinedAt: memory().joinedAt,
      from: memory().from ?? 0,
      passUntilMs: memory().passUntilMs ?? 0,
      ...at,
    };
    const name = stage === "outside" ? model.phase : stage;
    const key =
      name === "waiting"
        ? `${name} ${model.called} ${model.phase} ${model.number}`
        : `${name} ${at.registered} ${at.reservation?.expiresAt} ${at.order?.state} ${JSON.stringify(model.registration ?? "")} ${takesAddresses(at.sale, model.now)}`;
    if (key !== shown || at.sale !== shownSale) {
      const { activeElement: focused } = document;
      const isHere = body.contains(focused) || focused === document.body;
      const first = shown === "";
      shown = key;
      shownSale = at.sale;
      view = views[name]?.(model) ?? { nodes: [] };
      body.replaceChildren(...view.nodes);
      if (first) card.replaceChildren(notice, body, checkPlace);
      card.dataset["stage"] = name;
      const heading = body.querySelector("h2");
      if (!first) arrive(name, heading, isHere);
      document.title = titleFor(stage, title, heading?.textContent ?? "");
      if (stage === "turn" || signalled) void signal(stage === "turn");
    }
    view.tick?.(model);
    if (stage === "waiting") announce(waitingTexts(model).filter(Boolean).join(" "));
    card.setAttribute("aria-busy", String(at.busy));
    showNote();
    showLeft();
  }

  /** @param {boolean} isTurn */
  async function signal(isTurn) {
    signalled = isTurn;
    const { signalOver, signalTurn } = await import("./signal.js");
    if (isTurn) signalTurn(title);
    else signalOver();
  }

  function showNote() {
    const { note, sale } = session.at;
    const lines = note ? refusalTexts(m, note, sale) : [];
    const text = lines.join("\n");
    if (notice.innerText === text && notice.hidden === (text === "")) return;
    notice.replaceChildren(
      ...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })),
    );
    notice.hidden = text === "";
  }

  function showLeft() {
    if (session.phase() !== "open") return;
    for (const { sku, left } of session.at.pulse?.items ?? []) {
      const badge = document.querySelector(`[data-sku="${CSS.escape(sku)}"] .left`);
      const text = m.itemLeft[left];
      if (badge && badge.textContent !== text) badge.textContent = text;
    }
  }

  card.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const run = session.commands[form.dataset["do"] ?? ""];
    if (!run) return;
    event.preventDefault();
    void run(new FormData(form));
  });

  /** Looks as long as the page is there: what goes wrong with one look, whatever it is, is tried again with the next. */
  async function watch() {
    for (let failures = 0; ;) {
      try {
        failures = await lookAgain(failures);
      } catch (error) {
        failures++;
        reportError(error);
      }
    }
  }

  /** @param {number} failures looks that failed since the last good one @returns {Promise<number>} and now */
  async function lookAgain(failures) {
    await pause(failures > 0 ? around(Math.min(POLL_MAX_MS, 1000 * 2 ** failures)) : untilNextLook());
    if (document.hidden && session.memory().number === undefined) {
      await pause(HIDDEN_MAX_MS);
      if (document.hidden) await pause(2 ** 31 - 1);
    }
    if (["held", "paying", "order"].includes(session.stage())) return failures;
    const seen = await session.look();
    // One lost answer is nobody's concern.
    if (!seen.ok && failures > 0) session.note(seen.problem);
    else if (seen.ok && failures > 1) session.note(undefined);
    return seen.ok ? 0 : failures + 1;
  }

  /** Time to the next look: by the pulse's own pace, or slower where nothing can happen any more. */
  function untilNextLook() {
    const { pulse } = session.at;
    if (!pulse || !session.isKnown()) return around(POLL_FIRST_MS);
    const phase = session.phase();
    if (phase === "sold_out" || phase === "closed" || phase === "settled") return around(POLL_MAX_MS);
    const { number, lobby } = session.memory();
    return Math.max(POLL_MIN_MS, Date.parse(pulse.now) + paceMs(pulse, lobby ? undefined : number) - now());
  }

  render();
  void session.resume();
  void session.look().catch(reportError).then(watch);
  setInterval(() => {
    session.advance();
    render();
  }, 1000);
  addEventListener("pageshow", (event) => event.persisted && void session.resume());
}

/** @param {string} stage @param {string} title @param {string} heading */
function titleFor(stage, title, heading) {
  if (stage === "outside" || stage === "loading") return title;
  return `${stage === "turn" ? "● " : ""}${heading} · ${title}`;
}
