/**
 * Brings a sale back that Redis has lost: its stock, its holds and its orders as Postgres knows them, under a new epoch
 * that fences off every pass from before. The line comes back by itself: an old ticket that joins has its number again.
 *
 * Refuses where Redis still knows the sale. Everything may be repeated or run twice at once: the rebuild that began last
 * publishes. Payments in flight are asked of Stripe. Accepted: what Redis knew and Postgres did not yet is lost with Redis.
 */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { settle } from "../checkout/payment.ts";
import { SESSION_SECONDS } from "../checkout/session.ts";
import { paymentsOf } from "../checkout/stripe.ts";
import { bigint } from "../postgres/client.ts";
import { persist, runScript, type Script } from "../redis/client.ts";
import { SALES_KEY, saleKeys } from "../redis/keys.ts";
import { settleSlotsNow } from "../registration/slots.ts";
import { recordSchema, type Record } from "../reservation/record.ts";
import type { Services } from "../services.ts";
import { drain } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import { publishSale } from "./publish.ts";
import restoreLua from "./restore.lua";
import restorableSql from "./restorable.sql";
import { missing } from "./sale.ts";
import toppedUpSql from "./topped-up.sql";

const restoreWord = z.enum(["again", "superseded", "restored"]);
export const restoreScript: Script<[z.output<typeof restoreWord>]> = {
  name: "restore",
  source: restoreLua,
  reply: z.tuple([restoreWord]),
};

/** Bounds the time one call keeps the sale's keys locked. */
const PAGE_RECORDS = 500;

/** A reservation as Postgres knows it, as Redis keeps it. */
export const restorableRow = recordSchema
  .extend({
    number: bigint,
    total: bigint,
    heldAtMs: bigint,
    expiresAtMs: bigint,
    changedAtMs: bigint,
    returnTo: z.string().nullable(),
    intent: z.string().nullable(),
    slotUntilMs: bigint.nullable(),
  })
  .transform(({ returnTo, intent, slotUntilMs, ...record }): Record => ({
    ...record,
    ...(slotUntilMs === null ? {} : { slotUntilMs }),
    ...(returnTo === null ? {} : { returnTo }),
    ...(intent === null ? {} : { intent }),
  }));

const topUpRow = z.object({
  id: z.string(),
  state: z.literal("moved"),
  lines: z.array(z.object({ sku: z.string(), quantity: z.number() })),
});

export async function rebuildSale(
  services: Services,
  saleId: string,
): Promise<{ epoch: number; reservations: number } | Refusal<"not_found" | "on_hold" | "redis_intact">> {
  if ((await persist("HEXISTS", () => services.redis.hexists(saleKeys(saleId).sale, "epoch"))) === 1)
    return refuse("redis_intact");
  // After a partial loss there may be changes left that Postgres has not seen.
  await drain(services, saleId);
  const [row] = await services.postgres(
    z.object({ epoch: z.number() }),
    // Which slots were given up, Redis has to be told again.
    `with forfeits as (update registrations set returned_at = null where sale_id = $1 and gave_back)
     update sales set epoch = epoch + 1 where id = $1 and settled_at is null returning epoch`,
    [saleId],
  );
  if (row === undefined) return await missing(services, saleId);
  const { epoch } = row;
  const begun = await paymentsBegun(services, saleId).catch((error: unknown) => {
    // Without Stripe the sale comes back all the same: nothing can be paid meanwhile, and late payments are decided.
    if (error instanceof Unavailable) return new Map<string, Begun>();
    throw error;
  });
  // Listed first: from the moment it sells, cron looks after it, even if this call ends there.
  await persist("SADD", () => services.redis.sadd(SALES_KEY, saleId));
  if ((await restore(services, saleId, epoch, [])) !== "restored") return overtaken();
  // The new outbox begins anew; a drain that has read of the old one finds that the cursor stands elsewhere.
  await services.postgres(z.unknown(), "update sync_cursor set last_entry = $2 where sale_id = $1", [
    saleId,
    `0-${epoch}`,
  ]);

  // So that a top-up whose answer was lost, and which is repeated now, still comes once.
  const toppedUp = await services.postgres(topUpRow, toppedUpSql, [saleId]);
  if ((await restore(services, saleId, epoch, toppedUp)) !== "restored") return overtaken();
  let reservations = 0;
  let after: string | null = null;
  for (;;) {
    const page: Record[] = await services.postgres(restorableRow, restorableSql, [
      saleId,
      after,
      PAGE_RECORDS,
      null,
    ]);
    const known = page.map((record): Record => {
      const returnTo = record.returnTo ?? begun.get(record.id)?.returnTo;
      return { ...record, ...(returnTo === undefined ? {} : { returnTo }) };
    });
    if ((await restore(services, saleId, epoch, known)) !== "restored") return overtaken();
    reservations += page.length;
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE_RECORDS) break;
  }
  const published = await publishSale(services, saleId, epoch);
  // "again" under this epoch is the repeat of a call whose answer was lost.
  if (published.word === "superseded" || published.epoch !== epoch) return overtaken();
  await settleSlotsNow(services, saleId);
  // What was paid while Redis was away is decided now, and not when somebody happens to look.
  services.later(settleBegun(services, [...begun.values()]));
  await services.postgres(
    z.unknown(),
    "insert into audit_log (action, actor, sale_id, detail) values ('rebuild', $3, $1, $2)",
    [saleId, JSON.stringify({ epoch, reservations }), services.actor],
  );
  return { epoch, reservations };
}

/** Older sessions cannot be paid any more, whatever the clocks say. */
const SESSIONS_SECONDS = SESSION_SECONDS + 10 * 60;

interface Begun {
  returnTo: string;
  session: string;
}

/**
 * Payments in flight, by reservation, as Stripe knows them: that one had begun may be lost with Redis, and a hold with one
 * must not end without it.
 */
async function paymentsBegun(services: Services, saleId: string): Promise<Map<string, Begun>> {
  const begun = new Map<string, Begun>();
  if (services.payments === undefined) return begun;
  const since = Math.floor(Date.now() / 1000) - SESSIONS_SECONDS;
  for (let after: string | undefined = ""; after !== undefined;) {
    const page = await services.payments.sessions(since, after);
    for (const { id, sale, reservation, returnUrl } of page.data) {
      const path = `/sales/${saleId}/visit`;
      if (sale === saleId && reservation !== undefined && returnUrl.endsWith(path))
        begun.set(reservation, { returnTo: returnUrl.slice(0, -path.length), session: id });
    }
    after = page.next;
  }
  return begun;
}

async function settleBegun(services: Services, begun: { session: string }[]): Promise<void> {
  for (const { session } of begun)
    await settle(services, await paymentsOf(services).readSession(session)).catch((error: unknown) =>
      // Its webhook, the shopper or reconciliation takes it up again.
      console.error(JSON.stringify({ rebuild: session, error: String(error).slice(0, 200) })),
    );
}

const overtaken = () => refuse("on_hold", { detail: "Another rebuild of this sale has begun." });

async function restore(
  services: Services,
  saleId: string,
  epoch: number,
  records: (Record | z.output<typeof topUpRow>)[],
): Promise<z.output<typeof restoreWord>> {
  const keys = saleKeys(saleId);
  const [word] = await runScript(
    services.redis,
    restoreScript,
    [
      keys.sale,
      keys.stock,
      keys.rebuild,
      keys.waitlist,
      keys.lobby,
      keys.released,
      keys.inside,
      keys.reservations,
      keys.shoppers,
      keys.holds,
      keys.claims,
      keys.outbox,
      keys.topups,
    ],
    [epoch, ...records.map((record) => JSON.stringify(record))],
  );
  return word;
}
