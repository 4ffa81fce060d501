// @ts-check
/**
 * One visit to one sale: where the shopper is, and the commands that lead on. Knows no DOM.
 *
 * What a browser keeps is a number, ids and times, so that a reload or a second tab goes on at the right step. Tokens
 * are never here: they are in HttpOnly cookies. A reservation's id is minted once and kept until its fate is known.
 */
import { call, insist, later, now, setClock } from "./api.js";
import { placeOf } from "./draw.js";

/**
 * @typedef {import("./api.js").Problem} Problem
 * @typedef {import("./api.js").Pulse} Pulse
 * @typedef {import("./api.js").Reservation} Reservation
 * @typedef {import("./api.js").Order} Order
 * @typedef {{ sku: string, quantity: number }[]} Lines
 * @typedef {import("./api.js").Registration} Registration
 * @typedef {{ number?: number, joinedAt?: string, epoch?: number, lobby?: boolean, confirmed?: boolean, registration?: Registration,
 *   from?: number, passUntilMs?: number, orderId?: string,
 *   attempt?: { reservationId: string, lines: Lines, heldUntil?: string } }} Memory
 * @typedef {"loading" | "outside" | "waiting" | "missed" | "turn" | "held" | "paying" | "order"} Stage
 */

const MISSED_TURN_MS = 1000;
/** Who waits to hear of a slot asks some time in the first half of what is left until opening, and not all at once. */
const ASK_SHARE = 0.5;
const ASK_WITHIN_MAX_MS = 10 * 60_000;
/** Again, if it was not decided yet. */
const ASK_EVERY_MS = 3_000;
/** Between two looks at a hold that may be being paid. */
const LOOK_EVERY_MS = 3000;

/** By when a sale opens and closes, as one value. @param {{ opensAt: string, closesAt: string }} sale */
const timesOf = ({ opensAt, closesAt }) => `${Date.parse(opensAt)} ${Date.parse(closesAt)}`;

/**
 * @param {import("./view.js").Sale} sale as the page has it @param {() => void} changed
 * @param {(() => Promise<string | undefined>) | undefined} botCheck where the shop wants one at joining
 */
export function openSession(sale, changed, botCheck) {
  const api = `/api/sales/${sale.id}`;
  const memory = remembering(`sale:${sale.id}`);
  const at = {
    /** As it is now: another object when something of it has changed. */
    sale,
    /** @type {Pulse | undefined} */
    pulse: undefined,
    /** @type {Reservation | undefined} */
    reservation: undefined,
    /** @type {Order | undefined} */
    order: undefined,
    /** @type {Problem | undefined} */
    note: undefined,
    registered: false,
    /** @type {Map<string, number>} */
    chosen: new Map(),
    busy: false,
    loading: false,
    entering: false,
    enterAt: 0,
    lookAt: 0,
    askedAt: 0,
  };

  /** The times for which all of the sale is known. */
  let knownTimes = timesOf(sale);

  /** Whether what is known of the sale goes with its times. */
  const isKnown = () => knownTimes === timesOf(at.sale);

  /** The phase the pulse said, moved on by the clock: nobody has to ask for the opening. */
  function phase() {
    const { closesAt, opensAt, lobbyOpensAt, phase: first } = at.sale;
    const said = at.pulse?.phase ?? first;
    const passed = (/** @type {string} */ time) => now() >= Date.parse(time);
    if (passed(closesAt) && said !== "settled") return "closed";
    if (said !== "scheduled" && said !== "registration" && said !== "lobby") return said;
    return passed(opensAt) ? "open" : passed(lobbyOpensAt) ? "lobby" : said;
  }

  /** @returns {Stage} */
  function stage() {
    const { number, passUntilMs } = memory.get();
    if (at.order) return "order";
    if (at.reservation) return at.reservation.payment === "pending" ? "paying" : "held";
    if (at.loading) return "loading";
    if (number === undefined || ["sold_out", "closed", "settled"].includes(phase())) return "outside";
    if (passUntilMs === undefined) return "waiting";
    return passUntilMs > now() ? "turn" : "missed";
  }

  /** Whether the number is one of the lobby, whose place the draw has not given yet. */
  const inLobby = () => memory.get().lobby === true;

  const called = () =>
    !inLobby() && (at.pulse?.nowServing ?? 0) >= (memory.get().number ?? Infinity) && phase() === "open";

  /** @param {Problem | undefined} problem */
  function note(problem) {
    at.note = problem;
    changed();
  }

  /**
   * @template T
   * @param {"GET" | "POST" | "DELETE"} method @param {string} path @param {object} [body]
   * @returns {Promise<import("./api.js").Answer<T>>}
   */
  const ask = (method, path, body) => keepAsking(() => call(method, api + path, body));

  /**
   * With a bot check, made anew for each attempt: a token is good once, and whether it was used a lost answer does not say.
   * @template T @param {string} path @param {object} [body] @returns {Promise<import("./api.js").Answer<T>>}
   */
  const askChecked = (path, body) =>
    keepAsking(async () => {
      const token = await botCheck?.();
      return await call("POST", api + path, token === undefined ? body : { ...body, botCheck: token });
    });

  /**
   * @template T @param {() => Promise<import("./api.js").Answer<T>>} attempt
   * @returns {Promise<import("./api.js").Answer<T>>}
   */
  async function keepAsking(attempt) {
    let told = false;
    const answer = await insist(attempt, (word) => {
      told = true;
      note({ type: word, status: 0 });
    });
    if (told) note(undefined);
    return answer;
  }

  /** One command at a time; a second press of a button is not a second wish. @param {(form: FormData) => Promise<void>} run */
  const command = (run) => async (/** @type {FormData} */ form) => {
    if (at.busy) return;
    at.busy = true;
    note(undefined);
    try {
      await run(form);
    } finally {
      at.busy = false;
      changed();
    }
  };

  /** Joins, or finds the place again: with the old ticket in its cookie the number is the old one. */
  async function join() {
    const isNew = memory.get().number === undefined;
    /** @type {import("./api.js").Answer<import("./api.js").Ticket>} */
    const joined = await (isNew ? askChecked("/queue") : ask("POST", "/queue"));
    if (!joined.ok) return note(joined.problem);
    const { number, joinedAt, epoch, lobby = false, expiresAt } = joined.value;
    const passUntil = expiresAt === undefined ? {} : { passUntilMs: Date.parse(expiresAt) };
    memory.set({ ...memory.get(), number, joinedAt, epoch, lobby, ...passUntil });
    changed();
  }

  const slotIsGood = () => {
    const { registration } = memory.get();
    return (
      registration?.status === "slot" &&
      registration.decided &&
      now() < Date.parse(registration.claimUntil ?? "")
    );
  };

  /** Once it is decided who has a slot, which each visitor asks for at a moment of their own. */
  async function askRegistration() {
    at.entering = true;
    /** @type {import("./api.js").Answer<Registration>} */
    const mine = await call("GET", `${api}/registrations/mine`);
    at.entering = false;
    at.askedAt = now() + later(ASK_EVERY_MS);
    if (mine.ok) memory.set({ ...memory.get(), registration: mine.value });
    else if (mine.problem.type === "registration_needed") {
      const rest = { ...memory.get() };
      delete rest.registration;
      memory.set(rest);
    }
    changed();
  }

  /** @param {FormData} form */
  async function register(form) {
    const asked = await askChecked("/registrations", { email: String(form.get("email")) });
    at.registered = asked.ok;
    if (!asked.ok) note(asked.problem);
  }

  /** @returns {Promise<boolean>} whether there is a pass now */
  async function enter() {
    at.entering = true;
    /** @type {import("./api.js").Answer<import("./api.js").Pass>} */
    const entered = await ask("POST", "/entry");
    at.entering = false;
    const place = without("passUntilMs");
    if (entered.ok) {
      memory.set({ ...place, passUntilMs: Date.parse(entered.value.expiresAt) });
      changed();
      return true;
    }
    const { type } = entered.problem;
    at.enterAt = now() + later(Math.max(entered.retryAfterMs, MISSED_TURN_MS));
    memory.set(["invalid_ticket", "slot_ended"].includes(type) ? kept() : place);
    if (type === "outdated_ticket") {
      await join();
      return false;
    }
    if (at.pulse && (type === "sold_out" || type === "closed")) at.pulse.phase = type;
    note(type === "not_your_turn" ? undefined : entered.problem);
    return false;
  }

  async function leave() {
    const left = await ask("DELETE", "/queue");
    if (left.ok || left.problem.type === "invalid_ticket") memory.set(kept());
    else note(left.problem);
  }

  /** What stays when the place in line does not. @returns {Memory} */
  function kept() {
    const { confirmed = false, registration } = memory.get();
    return registration === undefined || !slotIsGood() ? { confirmed } : { confirmed, registration };
  }

  /** @param {Lines} lines */
  async function reserve(lines) {
    at.chosen = new Map(lines.map(({ sku, quantity }) => [sku, quantity]));
    if (lines.length === 0)
      return note({
        type: "invalid_input",
        status: 0,
        errors: [{ pointer: "/lines" }],
      });
    const attempt = { reservationId: crypto.randomUUID(), lines };
    memory.set({ ...memory.get(), attempt });
    const reserved = await withPass(() => ask("POST", "/reservations", attempt));
    if (reserved.ok) return settle(reserved.value);
    const mine =
      reserved.problem.type === "conflicting_replay" ? attempt.reservationId : reserved.problem.reservationId;
    if (mine !== undefined) return recover(mine, lines);
    forgetAttempt();
    note(reserved.problem);
  }

  /**
   * A pass may end or be fenced off in the middle of a step; the ticket gives a new one and the step goes on.
   * @template T @param {() => Promise<import("./api.js").Answer<T>>} step
   */
  async function withPass(step) {
    const answer = await step();
    const again = !answer.ok && ["pass_expired", "invalid_pass"].includes(answer.problem.type);
    return again && (await enter()) ? step() : answer;
  }

  /** @param {string} reservationId @param {Lines} lines */
  async function recover(reservationId, lines) {
    if (memory.get().attempt?.reservationId !== reservationId)
      memory.set({ ...memory.get(), attempt: { reservationId, lines } });
    /** @type {import("./api.js").Answer<Reservation>} */
    const read = await withPass(() => ask("GET", `/reservations/${reservationId}`));
    if (read.ok) return settle(read.value);
    at.reservation = undefined;
    at.chosen = new Map(lines.map(({ sku, quantity }) => [sku, quantity]));
    forgetAttempt();
  }

  /** @param {Reservation} known */
  async function settle(known) {
    at.reservation = known.state === "held" ? known : undefined;
    if (known.state === "held") {
      const { reservationId, lines, expiresAt: heldUntil } = known;
      const wanted = lines.map(({ sku, quantity }) => ({ sku, quantity }));
      memory.set({ ...memory.get(), attempt: { reservationId, lines: wanted, heldUntil } });
      return changed();
    }
    if (known.state === "confirmed" || known.state === "refunded") return readOrder(known.reservationId);
    forgetAttempt();
    if (["voided", "returned"].includes(known.payment)) note({ type: known.payment, status: 0 });
    else if (known.state === "expired") note({ type: "reservation_expired", status: 0 });
  }

  /** @param {string} orderId */
  async function readOrder(orderId) {
    /** @type {import("./api.js").Answer<Order>} */
    const read = await withPass(() => ask("GET", `/orders/${orderId}`));
    if (read.ok) ordered(read.value);
    else note(read.problem);
  }

  /** @param {Order} order */
  function ordered(order) {
    at.order = order;
    at.reservation = undefined;
    memory.set({ orderId: order.id });
    changed();
  }

  async function checkout() {
    const { reservationId } = at.reservation ?? {};
    if (reservationId === undefined) return;
    // The way back from paying leads to the same language.
    const [, language] = /^\/([a-z]{2})\//.exec(location.pathname) ?? [];
    const way = language === undefined ? undefined : { language };
    /** @type {import("./api.js").Answer<{ order?: Order, url?: string }>} */
    const done = await withPass(() => ask("POST", `/reservations/${reservationId}/checkout`, way));
    if (!done.ok) {
      if (done.problem.type !== "payment_unavailable") await recover(reservationId, []);
      return note(done.problem);
    }
    if (done.value.order) ordered(done.value.order);
    else if (done.value.url !== undefined) location.assign(done.value.url);
  }

  async function extend() {
    const { reservationId } = at.reservation ?? {};
    /** @type {import("./api.js").Answer<Reservation>} */
    const extended = await withPass(() => ask("POST", `/reservations/${reservationId}/extension`));
    if (extended.ok) return settle(extended.value);
    await recover(reservationId ?? "", []);
    note(extended.problem);
  }

  async function giveBack() {
    const { reservationId, lines = [] } = at.reservation ?? {};
    const returned = await withPass(() => ask("DELETE", `/reservations/${reservationId}`));
    if (!returned.ok && returned.problem.type !== "not_found")
      return recover(
        reservationId ?? "",
        lines.map(({ sku, quantity }) => ({ sku, quantity })),
      );
    at.reservation = undefined;
    forgetAttempt();
  }

  function forgetAttempt() {
    memory.set(without("attempt"));
    changed();
  }

  /** @param {"attempt" | "passUntilMs"} key */
  function without(key) {
    const rest = { ...memory.get() };
    delete rest[key];
    return rest;
  }

  /** Finds the step again after a reload, or after another tab went on. */
  async function resume() {
    const { orderId, attempt } = memory.get();
    at.loading = orderId !== undefined || attempt !== undefined;
    changed();
    if (orderId !== undefined) {
      if (at.order?.id !== orderId) await readOrder(orderId);
    } else if (attempt) await recover(attempt.reservationId, attempt.lines);
    else at.reservation = at.order = undefined;
    at.loading = false;
    changed();
  }
  memory.onElsewhere(() => {
    // What another tab is only trying is its own: to look for it too early would be to forget it for both.
    const { attempt } = memory.get();
    const isTried = attempt !== undefined && attempt.heldUntil === undefined;
    if (!at.busy && !isTried) void resume();
  });

  /** Once a second and after each pulse: whatever time or the line has brought. */
  function advance() {
    if (at.busy || at.entering || at.loading) return;
    if (stage() === "waiting" && called() && now() >= at.enterAt) void enter();
    const { registration } = memory.get();
    // An operator may have ended it, or opened the sale, before its time.
    const hasEnded = ["lobby", "open"].includes(phase());
    const isDue =
      registration !== undefined &&
      !registration.decided &&
      (hasEnded || now() > Date.parse(registration.decidesAt));
    if (isDue && at.askedAt === 0) {
      const leftMs = Math.max(0, Date.parse(at.sale.opensAt) - now());
      const withinMs = phase() === "open" ? ASK_EVERY_MS : Math.min(ASK_WITHIN_MAX_MS, leftMs * ASK_SHARE);
      at.askedAt = now() + Math.random() * withinMs;
    }
    if (isDue && now() >= at.askedAt) void askRegistration();
    // A slot does not come back; the answer says so.
    if (stage() === "missed" && memory.get().number === 0 && now() >= at.enterAt) void enter();
    // A slot's holder who is here comes in at opening.
    if (stage() === "outside" && phase() === "open" && slotIsGood() && now() >= at.enterAt) {
      at.enterAt = now() + MISSED_TURN_MS * 5;
      void commands.join?.(new FormData());
    }
    const { reservation } = at;
    const isOver = reservation && now() > Date.parse(reservation.expiresAt) + MISSED_TURN_MS;
    if (reservation && (isOver || reservation.payment === "pending") && now() >= at.lookAt) {
      // The server decides: a hold lasts while its payment is under way.
      at.lookAt = now() + LOOK_EVERY_MS;
      at.entering = true;
      void recover(reservation.reservationId, []).finally(() => (at.entering = false));
    }
    const { order } = at;
    if (order?.payment.state === "authorised" && now() >= at.lookAt) {
      // Mostly its money is taken in a second; the longer that takes, the longer it will.
      at.lookAt = now() + Math.max(LOOK_EVERY_MS, now() - Date.parse(order.confirmedAt));
      at.entering = true;
      void readOrder(order.id).finally(() => (at.entering = false));
    }
  }

  async function look() {
    /** @type {import("./api.js").Answer<Pulse>} */
    const seen = await call("GET", `${api}/pulse`);
    if (!seen.ok) return seen;
    setClock(seen.value.now, seen.ageMs);
    at.pulse = seen.value;
    await followTimes(seen.value);
    await findPlace(seen.value);
    advance();
    changed();
    return seen;
  }

  /**
   * An operator may have given the sale other times. The pulse has them; what depends on them, such as when the line opens,
   * is read anew, and again with the next look while a cache has it as it was.
   * @param {Pulse} pulse
   */
  async function followTimes({ opensAt, closesAt }) {
    const times = timesOf({ opensAt, closesAt });
    if (timesOf(at.sale) !== times) at.sale = { ...at.sale, opensAt, closesAt };
    if (isKnown()) return;
    /** @type {import("./api.js").Answer<import("./view.js").Sale>} */
    const read = await call("GET", api);
    if (!read.ok || timesOf(read.value) !== times) return;
    at.sale = read.value;
    knownTimes = times;
  }

  /** What a pulse says of the place: that it was drawn, that the line was rebuilt, how far it is. @param {Pulse} pulse */
  async function findPlace({ epoch, draw, nowServing }) {
    const { number, lobby, epoch: joinedIn, from } = memory.get();
    if (number === undefined) return;
    if (joinedIn !== undefined && joinedIn < epoch && !at.busy) await join();
    else if (lobby === true && draw?.seed !== undefined && draw.count !== undefined && number <= draw.count)
      memory.set({ ...memory.get(), lobby: false, number: await placeOf(draw.seed, draw.count, number) });
    else if (from === undefined && !lobby)
      memory.set({ ...memory.get(), from: Math.max(1, number - nowServing) });
  }

  /** By the `data-do` of the forms. @type {Record<string, (form: FormData) => Promise<void>>} */
  const commands = {
    join: command(join),
    enter: command(async () => void (await enter())),
    register: command(register),
    leave: command(leave),
    reserve: command((form) => reserve(linesOf(form))),
    checkout: command(checkout),
    extend: command(extend),
    giveBack: command(giveBack),
  };

  return {
    at,
    stage,
    phase,
    called,
    inLobby,
    isKnown,
    memory: memory.get,
    note,
    advance,
    look,
    resume,
    commands,
  };
}

/** @param {FormData} form @returns {Lines} */
const linesOf = (form) =>
  [...form]
    .map(([sku, quantity]) => ({ sku, quantity: Number(quantity) }))
    .filter(({ quantity }) => quantity > 0);

/** @param {string} key */
export function remembering(key) {
  /** @type {Memory} */
  let memory = {};
  const read = () => {
    try {
      memory = JSON.parse(localStorage.getItem(key) ?? "{}") ?? {};
    } catch {
      // Storage may be refused or hold something else: then this tab remembers by itself.
    }
  };
  read();
  return {
    get: () => memory,
    /** @param {Memory} next @returns {boolean} whether the next page of this browser can read it */
    set(next) {
      memory = next;
      try {
        localStorage.setItem(key, JSON.stringify(next));
        return true;
      } catch {
        return false;
      }
    },
    /** @param {() => void} listener called after another tab went on */
    onElsewhere(listener) {
      addEventListener("storage", (event) => {
        if (event.key !== key) return;
        read();
        listener();
      });
    },
  };
}
