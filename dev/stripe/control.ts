/**
 * The double's own paths, for rehearsals and tests in another process: paying without a browser, switches and faults,
 * and what it knows. Whoever lacks the secret key gets 401 and learns nothing.
 */
import { Hono, type Context } from "hono";
import { z } from "zod";
import { faultSchema, type Faults } from "../faults.ts";
import { pay, type PayOptions, type PayOutcome } from "./payments.ts";
import type { Account, Charge, EventRecord, Intent, Refund, Session, StripeEvent } from "./state.ts";
import { switchSchema } from "./switches.ts";
import { totalsOf, type Totals } from "./totals.ts";

export interface StripeState {
  sessions: Session[];
  intents: Intent[];
  charges: Charge[];
  refunds: Refund[];
  events: (StripeEvent & Pick<EventRecord, "delivery" | "attempts">)[];
  /** Per currency. */
  totals: Record<string, Totals>;
}

export interface ControlParts {
  account: Account;
  faults: Faults;
  secretKey: string;
}

const paySchema = z.strictObject({
  session: z.string(),
  card: z.enum(["ok", "declined", "slow"]).optional(),
  afterMs: z.int().nonnegative().optional(),
  email: z.email().optional(),
});

/**
 * `POST /pay` `{session, card?, afterMs?}`: 200 with the outcome, 404 or 409 if it is refused; `GET /state`; `GET`, `POST`
 * (one rule) and `DELETE` (all) `/switches`, answered with the rules left. 422 for a body that is none of these.
 */
export function createControl({ account, faults, secretKey }: ControlParts): Hono {
  const control = new Hono();
  control.use(async (c, next) => {
    if (c.req.header("Authorization") !== `Bearer ${secretKey}`)
      return c.json({ message: "the secret key as bearer token is required" }, 401);
    await next();
    return undefined;
  });

  control.post("/pay", async (c) => {
    const order = paySchema.safeParse(await bodyOf(c));
    if (!order.success) return c.json({ message: order.error.message }, 422);
    const { session, card, afterMs, email } = order.data;
    const options: PayOptions = {
      ...(card && { card }),
      ...(afterMs !== undefined && { afterMs }),
      ...(email !== undefined && { email }),
    };
    const result = pay(account, session, options);
    return c.json(result, statusOf(result));
  });

  control.get("/state", (c) => c.json(stateOf(account)));

  const rules = () => ({ switches: account.switches.list(), faults: faults.list() });
  control.get("/switches", (c) => c.json(rules()));
  control.post("/switches", async (c) => {
    const rule = z.union([switchSchema, faultSchema]).safeParse(await bodyOf(c));
    if (!rule.success) return c.json({ message: rule.error.message }, 422);
    // The union tried in this order, and no kind is in both.
    if ("status" in rule.data) faults.add(rule.data);
    else account.switches.add(rule.data);
    return c.json(rules());
  });
  control.delete("/switches", (c) => {
    account.switches.clear();
    faults.clear();
    return c.json(rules());
  });
  return control;
}

function statusOf(result: PayOutcome): 200 | 404 | 409 {
  if (result.outcome !== "refused") return 200;
  return result.reason === "no_such_session" ? 404 : 409;
}

export function stateOf({ store }: Account): StripeState {
  return structuredClone({
    sessions: [...store.sessions.values().map(({ session }) => session)],
    intents: [...store.intents.values()],
    charges: [...store.charges.values()],
    refunds: [...store.refunds.values()],
    events: [
      ...store.events.values().map(({ event, delivery, attempts }) => ({ ...event, delivery, attempts })),
    ],
    totals: totalsOf(store),
  });
}

async function bodyOf(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    return undefined;
  }
}
