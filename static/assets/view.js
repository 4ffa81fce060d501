// @ts-check
/**
 * What the card shows for each step. A view is built once, then its `tick` writes only the texts that change, so a
 * reader's focus and choices stay where they are.
 */
import { leftText, parts, two } from "./format.js";
import {
  afterTurnText,
  canExtend,
  extensionText,
  paymentText,
  placeTexts,
  preselected,
  registeringText,
  registrationTexts,
  WARNING_MS,
  wayBehind,
} from "./line.js";
import { clockText, count, m, momentText, price } from "./say.js";

/**
 * @typedef {import("./api.js").Phase} Phase
 * @typedef {{ id: string, currency: string, opensAt: string, closesAt: string, lobbyOpensAt: string, phase: Phase,
 *   mode: string, identity: string, lobby: string, slots?: { count: number, allocation: string, claimUntil: string },
 *   registration?: { from: string, until: string }, holdSeconds: number,
 *   items: { sku: string, name: string, price: number, limit: number, image?: string }[] }} Sale
 * @typedef {{ sale: Sale, phase: Phase, now: number, pulse: import("./api.js").Pulse | undefined, loginUrl: string | undefined,
 *   number: number, lobby: boolean, joinedAt: string | undefined, from: number, called: boolean, passUntilMs: number, chosen: Map<string, number>,
 *   note: import("./api.js").Problem | undefined, reservation: import("./api.js").Reservation | undefined, order: import("./api.js").Order | undefined, confirmed: boolean, registered: boolean,
 *   registration: import("./api.js").Registration | undefined }} Model
 * @typedef {{ nodes: Node[], tick?: (model: Model) => void }} View
 */

/** @param {string} tag @param {Record<string, string | number | boolean>} attributes @param {...(Node | string)} children */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  element.append(...children);
  return element;
}

/** @param {string} text */
const heading = (text) => h("h2", { tabindex: -1 }, text);

/** @param {...(Node | string)} children */
const quiet = (...children) => h("p", { class: "quiet" }, ...children);

/** @param {string} time */
const moment = (time) => h("time", { datetime: time }, momentText(time));

/** @param {string} action @param {string} label @param {string} [look] */
const form = (action, label, look = "") =>
  h("form", { "data-do": action, method: "post" }, h("button", { class: `button ${look}` }, label));

/** @param {Node} node @param {string} text */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @returns {{ node: HTMLElement, set: (ms: number) => void }} */
function countdown() {
  const names = /** @type {const} */ (["days", "hours", "minutes", "seconds"]);
  const digits = names.map(() => h("b"));
  const node = h(
    "div",
    { class: "clock", role: "timer" },
    ...names.map((name, i) => h("span", {}, digits[i] ?? "", h("small", {}, m[name]))),
  );
  return {
    node,
    set(ms) {
      const left = parts(ms);
      names.forEach((name, i) => digits[i] && write(digits[i], two(left[name])));
      node.classList.toggle("clock-short", left.days === 0);
      node.classList.toggle("clock-last", ms <= WARNING_MS);
    },
  };
}

/**
 * A time limit: how long it still is, and shortly before its end what comes then. Said once, at once.
 * @param {(left: Node) => (Node | string)[]} words @param {string} then
 */
function limit(words, then) {
  const left = h("b");
  const warning = h("p", { class: "warning", role: "alert", hidden: true });
  return {
    nodes: [h("p", { class: "ends", role: "timer" }, ...words(left)), warning],
    /** @param {number} ms @returns {boolean} whether it warned just now */
    set(ms) {
      write(left, leftText(ms));
      const isNear = ms > 0 && ms <= WARNING_MS;
      if (isNear !== warning.hidden) return false;
      warning.hidden = !isNear;
      warning.replaceChildren(...(isNear ? [h("b", {}, m.soonOver(WARNING_MS / 1000)), ` ${then}`] : []));
      return isNear;
    },
  };
}

/** @type {Record<string, (model: Model) => View>} */
export const views = {
  scheduled: (model) => beforeOpening(model, false),
  registration: (model) => beforeOpening(model, false),
  lobby: (model) => beforeOpening(model, true),
  open: (model) => ({
    nodes: [
      heading(m.headlines.open),
      ...(model.registration?.status === "slot" && model.registration.decided
        ? []
        : [h("p", {}, m.takeAPlace)]),
      ...joining(model),
    ],
  }),
  sold_out: () => ended("sold_out", m.everythingSold),
  closed: () => ended("closed", m.thanks),
  settled: () => ended("settled", m.thanks),
  loading: () => ({ nodes: [heading(m.oneMoment), h("p", {}, m.finding)] }),
  waiting,
  missed: () => ({
    nodes: [heading(m.turnEnded), h("p", {}, m.turnEndedMore), form("enter", m.stillHere), leaving()],
  }),
  turn,
  held,
  paying,
  order,
};

/** @param {Phase} phase @param {string} text @returns {View} */
const ended = (phase, text) => ({ nodes: [heading(m.headlines[phase]), h("p", {}, text)] });

/** @param {Model} model @param {boolean} joinable @returns {View} */
function beforeOpening(model, joinable) {
  const { sale } = model;
  const clock = countdown();
  const next = h("p", { class: "quiet" });
  const isDrawn = sale.lobby === "draw";
  return {
    nodes: [
      heading(m.headlines[model.phase]),
      next,
      clock.node,
      h("p", {}, ...m.opens(moment(sale.opensAt))),
      ...(joinable
        ? joining(model)
        : model.registration
          ? registeredNodes(model)
          : takesAddresses(sale, model.now) && !model.confirmed
            ? registering(model)
            : [h("button", { class: "button", disabled: true }, m.join)]),
      joinable
        ? quiet(isDrawn ? m.drawnAtOpening : m.letInByNumber)
        : quiet(...m.lineFrom(moment(sale.lobbyOpensAt)), ` ${m.pageFollows}`),
      ...(isDrawn ? [quiet(h("a", { href: `${location.pathname}/draw` }, m.checkTheDraw))] : []),
    ],
    tick(model) {
      const { text, at } = nextStage(sale, model.now);
      write(next, text);
      clock.set(Date.parse(at) - model.now);
    },
  };
}

/** What the clock counts down to. @param {Sale} sale @param {number} now */
function nextStage({ registration, opensAt }, now) {
  const comes = (/** @type {string} */ time) => now < Date.parse(time);
  if (registration && comes(registration.from)) return { text: m.registrationOpensIn, at: registration.from };
  if (registration && comes(registration.until) && registration.until <= opensAt)
    return { text: m.registrationClosesIn, at: registration.until };
  return { text: m.opensIn, at: opensAt };
}

/** Whether an address can be registered at this moment (ms). @param {Sale} sale @param {number} now */
export const takesAddresses = ({ registration: window }, now) =>
  window !== undefined && now >= Date.parse(window.from) && now < Date.parse(window.until);

/** The way in, by what the sale knows people by. @param {Model} model */
function joining(model) {
  const { sale, confirmed, registration, now, loginUrl } = model;
  const hasSlot = registration?.status === "slot" && registration.decided;
  const join = form("join", hasSlot ? m.comeIn : m.join);
  if (sale.identity === "account") {
    const signIn = loginUrl === undefined ? [] : [" ", h("a", { href: loginUrl }, m.signIn)];
    return [h("p", {}, m.forAccounts, ...signIn), join];
  }
  if (registration) return [...registeredNodes(model), join];
  if (confirmed || !takesAddresses(sale, now)) return [join];
  return [
    ...registering(model),
    quiet(sale.identity === "registered" ? m.confirmedAlready : m.orWithout),
    form("join", m.join, "button-plain"),
  ];
}

/** How a registration stands. @param {Model} model */
function registeredNodes({ sale, registration }) {
  if (!registration) return [];
  const texts = registrationTexts(m, registration, {
    decides: momentText(registration.decidesAt),
    opens: momentText(sale.opensAt),
    until: momentText(registration.claimUntil ?? sale.closesAt),
  });
  return texts.filter(Boolean).map((text, i) => h("p", i === 0 ? { class: "ahead" } : {}, text));
}

/** @param {Model} model `registered`: a link was asked for just now */
const registering = ({ sale, registered }) =>
  registered
    ? [h("p", { role: "status" }, m.lookIntoMailbox)]
    : [
        h(
          "form",
          { "data-do": "register", method: "post", class: "register" },
          h(
            "label",
            {},
            m.address,
            h("input", {
              type: "email",
              name: "email",
              required: true,
              autocomplete: "email",
              maxlength: 254,
            }),
          ),
          h("button", { class: "button" }, m.sendLink),
        ),
        quiet(registeringText(m, sale, momentText(sale.registration?.until ?? sale.opensAt))),
      ];

const leaving = () =>
  h(
    "details",
    { class: "after" },
    h("summary", {}, m.leave),
    h("p", {}, m.leaveMore),
    form("leave", m.leaveNow, "button-plain"),
  );

/** @param {Model} model @returns {View} */
function waiting({ sale, called, number, lobby, joinedAt, phase }) {
  const texts = [h("p", { class: "ahead" }), h("p", {}), quiet()];
  const progress = h("progress", { "aria-label": m.way, max: 1, value: 0 });
  const clock = countdown();
  const tools = h("p", { class: "tools" });
  void import("./signal.js").then(({ signalButtons }) => tools.append(...signalButtons()));
  return {
    nodes: [
      heading(number === 0 ? m.slotTitle : called ? m.next : m.inLine),
      ...(number === 0
        ? []
        : [
            h(
              "p",
              { class: "number" },
              h("span", { class: "quiet" }, lobby ? m.yourLobbyNumber : m.yourNumber),
              count(number),
            ),
          ]),
      h("div", { class: "stub" }),
      ...(phase === "lobby" ? [h("p", {}, m.opensIn), clock.node] : []),
      ...texts.slice(0, 1),
      ...(phase === "lobby" ? [] : [progress]),
      ...texts.slice(1),
      quiet(
        `${joinedAt === undefined ? "" : `${m.inLineSince(clockText(joinedAt))} `}${number === 0 ? m.slotKept : m.placeKept}`,
      ),
      tools,
      ...(number === 0 ? [] : [leaving()]),
    ],
    tick(model) {
      clock.set(Date.parse(sale.opensAt) - model.now);
      waitingTexts(model).forEach((text, i) => {
        const node = texts[i];
        if (!node) return;
        write(node, text);
        node.hidden = text === "";
      });
      if (model.pulse)
        progress.setAttribute("value", String(wayBehind(model.number, model.from, model.pulse.nowServing)));
    },
  };
}

/** The place in line in words. @param {Model} model */
export const waitingTexts = ({ pulse, phase, number, lobby, called }) =>
  placeTexts(m, { number, lobby, called, pulse, isOpen: phase === "open" });

/** @param {Model} model @returns {View} */
function turn({ sale, chosen, number, passUntilMs }) {
  const ends = limit((left) => m.chooseWithin(left), afterTurnText(m, sale, passUntilMs));
  const total = h("output");
  const choices = sale.items.map((item) => {
    const note = h("span", { class: "quiet" });
    const select = /** @type {HTMLSelectElement} */ (h("select", { name: item.sku }));
    const at = chosen.get(item.sku) ?? preselected(sale);
    for (let quantity = 0; quantity <= (number === 0 ? 1 : item.limit); quantity++)
      select.append(h("option", { value: quantity, selected: quantity === at }, String(quantity)));
    return { item, note, select, isGone: false };
  });
  const sum = () => {
    let [minor, units] = [0, 0];
    for (const { item, select } of choices) {
      minor += item.price * Number(select.value);
      units += Number(select.value);
    }
    write(total, units === 0 ? m.nothingChosen : price(minor, sale.currency));
  };
  const basket = h(
    "form",
    { "data-do": "reserve", method: "post" },
    ...choices.map(({ item, note, select }) =>
      h(
        "label",
        { class: "choice" },
        ...(item.image
          ? [h("img", { class: "thumb", src: item.image, alt: "", width: 112, height: 112 })]
          : []),
        h("span", { class: "item-name" }, item.name, note),
        select,
      ),
    ),
    h("p", { class: "sum" }, `${m.total} `, total),
    h("button", { class: "button" }, m.reserve),
  );
  basket.addEventListener("input", sum);
  /** @type {Model["note"]} */
  let told;
  return {
    nodes: [
      heading(m.yourTurn),
      ...ends.nodes,
      ...(number === 0 ? [quiet(m.oneUnit)] : []),
      basket,
      quiet(m.notCharged),
    ],
    tick(model) {
      ends.set(model.passUntilMs - model.now);
      const refused = model.note === told ? [] : (model.note?.left ?? []);
      told = model.note;
      for (const choice of choices) {
        const { item, note, select, isGone: wasGone } = choice;
        // What is left for the line says nothing of a unit that is set aside.
        const seen = number === 0 ? [] : (model.pulse?.items ?? []);
        const left = seen.find(({ sku }) => sku === item.sku)?.left ?? "many";
        const few = left === "few" ? ` · ${m.itemLeft.few}` : "";
        write(note, left === "none" ? m.noneNow : price(item.price, sale.currency) + few);
        choice.isGone = left === "none";
        if (choice.isGone && !wasGone) select.value = "0";
        if (wasGone && !choice.isGone && select.value === "0") select.value = String(preselected(sale));
        // Once for each refusal: pressed again, it asks for the rest.
        const most = refused.find(({ sku }) => sku === item.sku)?.left ?? Infinity;
        if (Number(select.value) > most) select.value = String(most);
      }
      sum();
    },
  };
}

/** @param {Sale} sale @param {{ lines: import("./api.js").Line[], total: number, currency: string }} bought */
function lines(sale, { lines, total, currency }) {
  const row = (/** @type {string} */ what, /** @type {number} */ minor, look = "") =>
    h("div", { class: look }, h("dt", {}, what), h("dd", {}, price(minor, currency)));
  const name = (/** @type {string} */ sku) => sale.items.find((item) => item.sku === sku)?.name ?? sku;
  return h(
    "dl",
    { class: "lines" },
    ...lines.map(({ sku, quantity, price }) => row(`${quantity} × ${name(sku)}`, price * quantity)),
    row(m.total, total, "total"),
  );
}

/** @param {Model} model @returns {View} */
function held({ sale, reservation }) {
  if (!reservation) return { nodes: [] };
  const until = clockText(reservation.expiresAt);
  const ends = limit((left) => m.leftUntil(left, until), m.holdSoonOver);
  const extend = canExtend(sale, reservation) ? form("extend", m.extend, "button-plain") : undefined;
  extend?.append(quiet(extensionText(m, sale.holdSeconds)));
  return {
    nodes: [
      heading(m.held),
      ...ends.nodes,
      ...(reservation.extended ? [quiet(m.extended)] : []),
      lines(sale, reservation),
      h("div", { class: "stub" }),
      form("checkout", reservation.total > 0 ? m.pay : m.complete),
      ...(extend ? [extend] : []),
      form("giveBack", m.giveBack, "button-plain"),
    ],
    tick(model) {
      const warned = ends.set(Date.parse(reservation.expiresAt) - model.now);
      // One key is enough then, for whoever is at nothing else.
      const { activeElement: at } = document;
      if (warned && (at === document.body || at?.matches("h2"))) extend?.querySelector("button")?.focus();
    },
  };
}

/** @param {Model} model @returns {View} */
function paying({ sale, reservation }) {
  if (!reservation) return { nodes: [] };
  return { nodes: [heading(m.waitingForBank), h("p", {}, m.stayHeld), lines(sale, reservation)] };
}

/** @param {Model} model @returns {View} */
function order({ sale, order }) {
  if (!order) return { nodes: [] };
  const [paid, isRefunded] = [paymentText(m, order), order.state === "refunded"];
  const payment = h("p", { role: "status" }, paid ?? "");
  return {
    nodes: [
      ...(isRefunded ? [] : [h("p", { class: "done", "aria-hidden": "true" })]),
      heading(isRefunded ? m.refunded : m.yours),
      h("p", {}, ...m.ordered(moment(order.confirmedAt))),
      lines(sale, order),
      ...(paid === undefined ? [] : [payment]),
      h("div", { class: "stub" }),
      quiet(`${m.order} `, h("code", {}, order.id)),
    ],
    tick({ order: now }) {
      const text = (now && paymentText(m, now)) ?? "";
      if (payment.textContent !== text) payment.textContent = text;
    },
  };
}
