// @ts-check
/**
 * What the card shows for each step. A view is built once, then its `tick` writes only the texts that change, so a
 * reader's focus and choices stay where they are.
 */
import { clockText, leftText, momentText, money, parts, two } from "./format.js";
import { count, ONE_UNIT, paymentText, placeTexts, registeringText, registrationTexts } from "./line.js";

/**
 * @typedef {import("./api.js").Phase} Phase
 * @typedef {{ id: string, currency: string, opensAt: string, closesAt: string, lobbyOpensAt: string, phase: Phase,
 *   mode: string, identity: string, lobby: string, slots?: { count: number, allocation: string, claimUntil: string },
 *   registration?: { from: string, until: string }, items: { sku: string, name: string, price: number, limit: number }[] }} Sale
 * @typedef {{ sale: Sale, phase: Phase, now: number, pulse: import("./api.js").Pulse | undefined,
 *   number: number, lobby: boolean, joinedAt: string | undefined, from: number, called: boolean, passUntilMs: number, chosen: Map<string, number>,
 *   reservation: import("./api.js").Reservation | undefined, order: import("./api.js").Order | undefined, confirmed: boolean, registered: boolean,
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
    ...names.map((name, i) => h("span", {}, digits[i] ?? "", h("small", {}, name))),
  );
  return {
    node,
    set(ms) {
      const left = parts(ms);
      names.forEach((name, i) => digits[i] && write(digits[i], two(left[name])));
      node.classList.toggle("clock-short", left.days === 0);
    },
  };
}

/** @type {Record<string, (model: Model) => View>} */
export const views = {
  scheduled: (model) => beforeOpening(model, "Opening soon", false),
  registration: (model) => beforeOpening(model, "Registration is open", false),
  lobby: (model) => beforeOpening(model, "The line is open", true),
  open: (model) => ({
    nodes: [
      heading("On sale now"),
      ...(model.registration?.status === "slot" && model.registration.decided
        ? []
        : [h("p", {}, "Take a place in line. You will be let in when your turn comes.")]),
      ...joining(model),
    ],
  }),
  sold_out: () => ended("Sold out", "Everything has found an owner. Thank you for coming."),
  closed: () => ended("This sale has ended", "Thank you for coming."),
  settled: () => ended("This sale has ended", "Thank you for coming."),
  loading: () => ({ nodes: [heading("One moment"), h("p", {}, "Finding where you were.")] }),
  waiting,
  missed: () => ({
    nodes: [
      heading("Your turn has ended"),
      h("p", {}, "Your number is still yours. You are let back in as soon as there is room."),
      form("enter", "I am still here"),
      leaving(),
    ],
  }),
  turn,
  held,
  paying,
  order,
};

/** @param {string} title @param {string} text @returns {View} */
const ended = (title, text) => ({ nodes: [heading(title), h("p", {}, text)] });

/** @param {Model} model @param {string} title @param {boolean} joinable @returns {View} */
function beforeOpening(model, title, joinable) {
  const { sale } = model;
  const clock = countdown();
  const next = h("p", { class: "quiet" });
  return {
    nodes: [
      heading(title),
      next,
      clock.node,
      h("p", {}, "Opens ", h("time", { datetime: sale.opensAt }, momentText(sale.opensAt)), "."),
      ...(joinable
        ? joining(model)
        : model.registration
          ? registeredNodes(model)
          : takesAddresses(sale, model.now) && !model.confirmed
            ? registering(model)
            : [h("button", { class: "button", disabled: true }, "Join the line")]),
      joinable
        ? h(
            "p",
            { class: "quiet" },
            sale.lobby === "draw"
              ? "At opening the places are drawn among all who are here. It does not matter how early you came."
              : "You are let in by number once the sale opens.",
          )
        : h(
            "p",
            { class: "quiet" },
            "The line takes people from ",
            h("time", { datetime: sale.lobbyOpensAt }, momentText(sale.lobbyOpensAt)),
            ". This page opens it by itself; no need to reload.",
          ),
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
  if (registration && comes(registration.from))
    return { text: "Registration opens in", at: registration.from };
  if (registration && comes(registration.until) && registration.until <= opensAt)
    return { text: "Registration closes in", at: registration.until };
  return { text: "The sale opens in", at: opensAt };
}

/** Whether an address can be registered at this moment (ms). @param {Sale} sale @param {number} now */
export const takesAddresses = ({ registration: window }, now) =>
  window !== undefined && now >= Date.parse(window.from) && now < Date.parse(window.until);

/** The way in, by what the sale knows people by. @param {Model} model */
function joining(model) {
  const { sale, confirmed, registration, now } = model;
  const hasSlot = registration?.status === "slot" && registration.decided;
  const join = form("join", hasSlot ? "Come in" : "Join the line");
  if (registration) return [...registeredNodes(model), join];
  if (confirmed || !takesAddresses(sale, now)) return [join];
  return [
    ...registering(model),
    h(
      "p",
      { class: "quiet" },
      sale.identity === "registered" ? "Confirmed already?" : "Or without registering:",
    ),
    form("join", "Join the line", "button-plain"),
  ];
}

/** How a registration stands. @param {Model} model */
function registeredNodes({ sale, registration }) {
  if (!registration) return [];
  const texts = registrationTexts(registration, {
    decides: momentText(registration.decidesAt),
    opens: momentText(sale.opensAt),
    until: momentText(registration.claimUntil ?? sale.closesAt),
  });
  return texts.filter(Boolean).map((text, i) => h("p", i === 0 ? { class: "ahead" } : {}, text));
}

/** @param {Model} model `registered`: a link was asked for just now */
const registering = ({ sale, registered }) =>
  registered
    ? [h("p", { role: "status" }, "Look into your mailbox: the link in our e-mail confirms your address.")]
    : [
        h(
          "form",
          { "data-do": "register", method: "post", class: "register" },
          h(
            "label",
            {},
            "Your e-mail address",
            h("input", {
              type: "email",
              name: "email",
              required: true,
              autocomplete: "email",
              maxlength: 254,
            }),
          ),
          h("button", { class: "button" }, "Send me a link"),
        ),
        h(
          "p",
          { class: "quiet" },
          registeringText(sale, momentText(sale.registration?.until ?? sale.opensAt)),
        ),
      ];

const leaving = () =>
  h(
    "details",
    { class: "after" },
    h("summary", {}, "Leave the line"),
    h("p", {}, "Your place goes to the next person and does not come back."),
    form("leave", "Give up my place", "button-plain"),
  );

/** @param {Model} model @returns {View} */
function waiting({ sale, called, number, lobby, joinedAt, phase }) {
  const texts = [h("p", { class: "ahead" }), h("p", {}), h("p", { class: "quiet" })];
  const progress = h("progress", { "aria-label": "Way to your turn", max: 1, value: 0 });
  const clock = countdown();
  return {
    nodes: [
      heading(number === 0 ? "You have a slot" : called ? "You are next" : "You are in line"),
      ...(number === 0
        ? []
        : [
            h(
              "p",
              { class: "number" },
              h("span", { class: "quiet" }, lobby ? "Your number in the lobby" : "Your number"),
              count(number),
            ),
          ]),
      h("div", { class: "stub" }),
      ...(phase === "lobby" ? [h("p", {}, "The sale opens in"), clock.node] : []),
      ...texts.slice(0, 1),
      ...(phase === "lobby" ? [] : [progress]),
      ...texts.slice(1),
      h(
        "p",
        { class: "quiet" },
        `${joinedAt === undefined ? "" : `In line since ${clockText(joinedAt)}. `}Close this page if you like: your ${number === 0 ? "slot" : "place"} is kept.`,
      ),
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
      const left = model.pulse ? Math.max(0, model.number - model.pulse.nowServing) : model.from;
      progress.setAttribute(
        "value",
        String(model.from > 0 ? Math.min(1, Math.max(0.02, 1 - left / model.from)) : 1),
      );
    },
  };
}

/** The place in line in words. @param {Model} model */
export const waitingTexts = ({ pulse, phase, number, lobby, called }) =>
  placeTexts({ number, lobby, called, pulse, isOpen: phase === "open" });

/** @param {Model} model @returns {View} */
function turn({ sale, chosen, pulse, number }) {
  const gone = (/** @type {Model["pulse"]} */ seen, /** @type {string} */ sku) =>
    seen?.items.some((item) => item.sku === sku && item.left === "none") ?? false;
  const first = chosen.size > 0 ? undefined : sale.items.find(({ sku }) => !gone(pulse, sku))?.sku;
  const [left, total] = [h("b"), h("output")];
  const choices = sale.items.map((item) => {
    const note = h("span", { class: "quiet" });
    const select = /** @type {HTMLSelectElement} */ (h("select", { name: item.sku }));
    const at = chosen.get(item.sku) ?? (item.sku === first ? 1 : 0);
    for (let quantity = 0; quantity <= (number === 0 ? 1 : item.limit); quantity++)
      select.append(h("option", { value: quantity, selected: quantity === at }, String(quantity)));
    return { item, note, select };
  });
  const sum = () => {
    let [minor, units] = [0, 0];
    for (const { item, select } of choices) {
      minor += item.price * Number(select.value);
      units += Number(select.value);
    }
    write(total, units === 0 ? "Nothing chosen" : money(minor, sale.currency));
  };
  const basket = h(
    "form",
    { "data-do": "reserve", method: "post" },
    ...choices.map(({ item, note, select }) =>
      h("label", { class: "choice" }, h("span", { class: "item-name" }, item.name, note), select),
    ),
    h("p", { class: "sum" }, "Total ", total),
    h("button", { class: "button" }, "Reserve"),
  );
  basket.addEventListener("input", sum);
  sum();
  return {
    nodes: [
      heading("It is your turn"),
      h("p", { role: "timer" }, "Choose within ", left, "."),
      ...(number === 0 ? [h("p", { class: "quiet" }, ONE_UNIT)] : []),
      basket,
      h("p", { class: "quiet" }, "Nothing is charged yet."),
    ],
    tick(model) {
      write(left, leftText(model.passUntilMs - model.now));
      for (const { item, note } of choices)
        write(
          note,
          gone(model.pulse, item.sku) ? "Nothing left at the moment" : money(item.price, sale.currency),
        );
    },
  };
}

/** @param {Sale} sale @param {{ lines: import("./api.js").Line[], total: number, currency: string }} bought */
function lines(sale, { lines, total, currency }) {
  const row = (/** @type {string} */ what, /** @type {number} */ minor, look = "") =>
    h("div", { class: look }, h("dt", {}, what), h("dd", {}, money(minor, currency)));
  const name = (/** @type {string} */ sku) => sale.items.find((item) => item.sku === sku)?.name ?? sku;
  return h(
    "dl",
    { class: "lines" },
    ...lines.map(({ sku, quantity, price }) => row(`${quantity} × ${name(sku)}`, price * quantity)),
    row("Total", total, "total"),
  );
}

/** @param {Model} model @returns {View} */
function held({ sale, reservation }) {
  if (!reservation) return { nodes: [] };
  const left = h("b");
  return {
    nodes: [
      heading("Held for you"),
      h("p", { role: "timer", class: "ahead" }, left, ` left, until ${clockText(reservation.expiresAt)}`),
      lines(sale, reservation),
      h("div", { class: "stub" }),
      form("checkout", reservation.total > 0 ? "Pay" : "Complete order"),
      form("giveBack", "Give back", "button-plain"),
    ],
    tick: (model) => write(left, leftText(Date.parse(reservation.expiresAt) - model.now)),
  };
}

/** @param {Model} model @returns {View} */
function paying({ sale, reservation }) {
  if (!reservation) return { nodes: [] };
  return {
    nodes: [
      heading("Waiting for your bank"),
      h("p", {}, "Your items stay held while it answers. This page goes on by itself."),
      lines(sale, reservation),
    ],
  };
}

/** @param {Model} model @returns {View} */
function order({ sale, order }) {
  if (!order) return { nodes: [] };
  const [paid, isRefunded] = [paymentText(order), order.state === "refunded"];
  return {
    nodes: [
      ...(isRefunded ? [] : [h("p", { class: "done", "aria-hidden": "true" })]),
      heading(isRefunded ? "Refunded" : "It is yours"),
      h("p", {}, `Ordered ${momentText(order.confirmedAt)}.`),
      lines(sale, order),
      ...(paid === undefined ? [] : [h("p", {}, paid)]),
      h("div", { class: "stub" }),
      h("p", { class: "quiet" }, "Order ", h("code", {}, order.id)),
    ],
  };
}
