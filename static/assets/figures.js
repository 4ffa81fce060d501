/**
 * What the live metrics say in words and figures: rendered by the page and drawn anew by its script, so both show the same.
 * Pure: no DOM, no clock.
 *
 * @typedef {import("../../domain/api.ts").Live} Live
 * @typedef {"" | "good" | "warn" | "bad"} State  never told by colour alone: the words say it too
 * @typedef {{ text: string, note?: string, state?: State }} Figure
 */

const whole = new Intl.NumberFormat("en");
const rate = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Such as 1 order, 2 orders. @param {number} count @param {string} one @param {string} more */
export const many = (count, one, more = `${one}s`) => `${whole.format(count)} ${count === 1 ? one : more}`;

/** @param {number} minor smallest units @param {string} currency */
export function moneyOf(minor, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** @param {number} bytes */
const megabytes = (bytes) => `${rate.format(bytes / 1_000_000)} MB`;

/** @param {Live["items"]} items @param {"stock" | "available" | "slots" | "held" | "confirmed"} account */
export const unitsOf = (items, account) => items.reduce((sum, item) => sum + item[account], 0);

/** @type {Record<Live["phase"], [string, State]>} */
const phaseWords = {
  scheduled: ["Scheduled", ""],
  registration: ["Registration", ""],
  lobby: ["Lobby: the line is open", ""],
  open: ["Open", "good"],
  sold_out: ["Sold out", "good"],
  closed: ["Closed", ""],
  settled: ["Settled", ""],
};

/** @type {Record<Live["mode"], [string, State]>} */
const modeWords = {
  normal: ["normal", ""],
  hold: ["on hold: nobody is let in", "warn"],
  drain: ["drain: nobody joins, who is inside finishes", "warn"],
  reject: ["reject: no joins, entries or holds", "bad"],
  passthrough: ["passthrough: everybody may come in", "warn"],
};

/** Why the last release let in no more. @type {Record<Live["release"]["boundBy"], string>} */
const boundWords = {
  "": "no release yet",
  line: "nobody else waited",
  size: "the release size",
  room: "the room inside",
  stock: "what is left of the stock",
  normal: "the mode",
  hold: "the sale is on hold",
  drain: "the mode is drain",
  reject: "the mode is reject",
  passthrough: "nothing: the mode is passthrough",
};

/** Seconds that the outbox may be behind before it is worth a look. */
const LAG_WARN_SECONDS = 5;

/** @param {number} count @param {State} state when it is not zero @returns {State} */
const unlessZero = (count, state) => (count === 0 ? "" : state);

/** @param {Live} live @param {string} currency */
export function figuresOf(live, currency) {
  const { line, items, release, outbox, stored, turnedAway, redis } = live;
  const [stock, sold] = [unitsOf(items, "stock"), unitsOf(items, "confirmed")];
  const [phaseText, phaseState] = phaseWords[live.phase];
  const [modeText, modeState] = modeWords[live.mode];
  const away = { text: "?", note: "Postgres does not answer", state: /** @type {State} */ ("bad") };
  return /** @satisfies {Record<string, Figure>} */ ({
    phase: { text: phaseText, state: phaseState },
    mode: { text: `Mode ${modeText}`, state: modeState },
    waiting: { text: whole.format(line.waiting), note: `${whole.format(line.joined)} joined` },
    inside: { text: whole.format(line.inside), note: `now serving ${whole.format(line.nowServing)}` },
    held: { text: whole.format(unitsOf(items, "held")), note: many(line.holds, "reservation") },
    sold: {
      text: whole.format(sold),
      note: `of ${whole.format(stock)}, ${whole.format(unitsOf(items, "available"))} left`,
      state: /** @type {State} */ (sold === stock && stock > 0 ? "good" : ""),
    },
    money:
      stored === null
        ? away
        : {
            text: moneyOf(stored.money.captured, currency),
            note: [
              ...(stored.money.authorised > 0
                ? [`${moneyOf(stored.money.authorised, currency)} authorised`]
                : []),
              `${moneyOf(stored.money.refunded, currency)} refunded`,
            ].join(", "),
          },
    admissions: {
      text: rate.format(live.perSecond),
      note: `last release ${whole.format(release.last)} of ${whole.format(release.size)}, every ${release.everySeconds} s`,
    },
    boundBy: { text: boundWords[release.boundBy] },
    orders:
      stored === null
        ? away
        : { text: rate.format(stored.ordersPerSecond), note: many(stored.orders, "order") },
    limited: { text: whole.format(turnedAway.limited), state: unlessZero(turnedAway.limited, "warn") },
    failed: { text: whole.format(turnedAway.failed), state: unlessZero(turnedAway.failed, "bad") },
    lag: {
      text: `${rate.format(outbox.lagSeconds)} s`,
      note: `${whole.format(outbox.entries)} entries`,
      state: /** @type {State} */ (outbox.lagSeconds > LAG_WARN_SECONDS ? "warn" : ""),
    },
    memory: { text: redis.memoryBytes === null ? "?" : megabytes(redis.memoryBytes) },
    billed: {
      text: whole.format(redis.billedCommands),
      note: `about $${redis.billedUsd.toFixed(redis.billedUsd < 1 ? 4 : 2)}, an estimate`,
    },
    discrepancies:
      stored === null
        ? away
        : { text: whole.format(stored.discrepancies), state: unlessZero(stored.discrepancies, "bad") },
    ledger:
      stored === null
        ? away
        : { text: whole.format(stored.ledgerDifference), state: unlessZero(stored.ledgerDifference, "bad") },
    epoch: { text: String(live.epoch) },
  });
}

/** What an operator should know at once; an empty list when all is well. @param {Live} live */
export function alertsOf(live) {
  const { outbox, stored, mode, phase } = live;
  /** @type {{ state: "warn" | "bad", text: string }[]} */
  const alerts = [];
  if (stored === null)
    alerts.push({
      state: "bad",
      text: "Postgres does not answer. The sale goes on; what it does not know yet waits in the outbox.",
    });
  if (mode !== "normal" && phase !== "closed" && phase !== "settled")
    alerts.push({ state: "warn", text: `The mode is ${modeWords[mode][0]}.` });
  if (stored !== null && outbox.lagSeconds > LAG_WARN_SECONDS)
    alerts.push({
      state: "warn",
      text: `Postgres is ${Math.round(outbox.lagSeconds)} s behind Redis: it answers, but does not keep up.`,
    });
  if (stored !== null && stored.discrepancies > 0)
    alerts.push({
      state: "bad",
      text: `${whole.format(stored.discrepancies)} discrepancies are open: see Reconciliation.`,
    });
  if (stored !== null && stored.ledgerDifference > 0 && outbox.entries === 0)
    alerts.push({
      state: "bad",
      text: `The ledger and the counters differ by ${whole.format(stored.ledgerDifference)} units: reconcile.`,
    });
  return alerts;
}
