/** What a request to a store is for: the steps of a payment by name, as the table of faults names them. Pure. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { confirmScript } from "../../functions/checkout/payment.ts";
import askRefundSql from "../../functions/checkout/ask-refund.sql";
import paymentOfSql from "../../functions/checkout/payment-of.sql";
import recordSql from "../../functions/checkout/record-payment.sql";
import storeEventsSql from "../../functions/checkout/store-events.sql";
import takeEventsSql from "../../functions/checkout/take-events.sql";
import takeRefundsSql from "../../functions/checkout/take-refunds.sql";
import { returnScript } from "../../functions/checkout/refund.ts";
import { expireScript } from "../../functions/reservation/expire.ts";
import { releaseScript, reserveScript } from "../../functions/reservation/reservation.ts";
import applySql from "../../functions/sync/apply.sql";

export type Store = "redis" | "postgres" | "stripe";

/** The steps, by the store that does them. What is none of these is called "other". */
export const STEPS = {
  redis: [
    "mark",
    "confirm",
    "look up",
    "expire due",
    "expire closed",
    "give back",
    "give back closed",
    "return units",
    "reserve",
  ],
  postgres: [
    "store event",
    "take events",
    "event done",
    "event failed",
    "write authorised",
    "write captured",
    "write voided",
    "write returned",
    "read payment",
    "receipt",
    "notice",
    "apply",
    "ask refund",
    "ask whole",
    "take refunds",
    "refund done",
    "refund failed",
  ],
  stripe: [
    "open session",
    "read session",
    "find session",
    "close session",
    "capture",
    "void",
    "read intent",
    "look for refund",
    "refund",
    "list events",
  ],
} as const;

export type Step = (typeof STEPS)[Store][number];
export const storeOf = (step: Step): Store =>
  (["redis", "postgres", "stripe"] as const).find((store) =>
    (STEPS[store] as readonly string[]).includes(step),
  ) ?? "redis";

export const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

const scripts = new Map(
  [confirmScript, expireScript, releaseScript, reserveScript, returnScript].flatMap(({ name, source }) =>
    [source, sha1(source)].map((text) => [text, name]),
  ),
);

const command = z.array(z.union([z.string(), z.number()])).transform((parts) => parts.map(String));
const statement = z.object({ query: z.string(), params: z.array(z.unknown()) });

/** @param what path and query for Stripe, the body for the others */
export function stepOf(store: Store, method: string, what: string): Step | "other" {
  switch (store) {
    case "redis":
      return scriptStep(command.parse(JSON.parse(what)));
    case "postgres": {
      const { query, params } = statement.parse(JSON.parse(what));
      return statementStep(query, params.map(String));
    }
    case "stripe":
      return callStep(method, what);
  }
}

function scriptStep([verb, script = "", keys = "0", ...rest]: string[]): Step | "other" {
  if (verb !== "EVAL" && verb !== "EVALSHA" && verb !== "eval" && verb !== "evalsha") return "other";
  const args = rest.slice(Number(keys));
  switch (scripts.get(script)) {
    case "confirm":
      return args[4] !== "" ? "confirm" : args[5] !== "" ? "mark" : "look up";
    case "expire":
      return args.length > 3 ? "expire closed" : "expire due";
    case "release-reservation":
      return args[3] === "1" ? "give back closed" : "give back";
    case "refund":
      return "return units";
    case "reserve":
      return "reserve";
    case undefined:
    default:
      return "other";
  }
}

function statementStep(query: string, params: string[]): Step | "other" {
  const begins = (text: string) => query.startsWith(text);
  if (query === recordSql) return STEPS.postgres.find((step) => step === `write ${params[5]}`) ?? "other";
  if (query === applySql) return "apply";
  if (query === paymentOfSql) return "read payment";
  if (query === askRefundSql) return "ask refund";
  if (query === takeEventsSql) return "take events";
  if (query === takeRefundsSql) return "take refunds";
  if (begins("insert into refunds")) return "ask whole";
  if (begins("update refunds")) return params[1] === "done" ? "refund done" : "refund failed";
  if (query === storeEventsSql) return "store event";
  if (begins("update webhook_inbox")) return params[1] === "null" ? "event done" : "event failed";
  if (begins("insert into emails")) return params[3] === "receipt" ? "receipt" : "notice";
  return "other";
}

function callStep(method: string, path: string): Step | "other" {
  const call = `${method} ${path}`;
  const table: [RegExp, Step][] = [
    [/^POST \/v1\/checkout\/sessions$/, "open session"],
    [/^POST \/v1\/checkout\/sessions\/\w+\/expire$/, "close session"],
    [/^GET \/v1\/checkout\/sessions\/\w+/, "read session"],
    [/^GET \/v1\/checkout\/sessions\?/, "find session"],
    [/^POST \/v1\/payment_intents\/\w+\/capture$/, "capture"],
    [/^POST \/v1\/payment_intents\/\w+\/cancel$/, "void"],
    [/^GET \/v1\/payment_intents\/\w+/, "read intent"],
    [/^GET \/v1\/refunds\?/, "look for refund"],
    [/^POST \/v1\/refunds$/, "refund"],
    [/^GET \/v1\/events\?/, "list events"],
  ];
  return table.find(([pattern]) => pattern.test(call))?.[1] ?? "other";
}
