/**
 * What a run sees of Redis and Stripe, written down page by page, so that the three can be held against each other without
 * holding them in memory. Whatever looks wrong is looked at a second time before it counts (`refresh`): meanwhile the sale
 * may have gone on.
 */
import { z } from "zod";
import { paymentsOf, type Intent, type StripeRefund } from "../checkout/stripe.ts";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { caseRow, type Case } from "./case.ts";
import casesSql from "./cases.sql";
import nextIdsSql from "./next-ids.sql";

export interface Looking {
  run: string;
  sale: string;
}

/** Reservations in one step: answers of some hundred kilobytes, small beside the 128 MB of a Worker. */
export const PAGE = 1000;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const scanReply = z.tuple([z.coerce.string(), z.array(z.string())]);

/** @returns where the next page begins, "" after the last; how many were seen */
export async function stageRecords(
  services: Services,
  { run, sale }: Looking,
  cursor: string,
): Promise<{ cursor: string; seen: number }> {
  const { reservations } = saleKeys(sale);
  const [next, flat] = scanReply.parse(
    await persist("HSCAN", () =>
      services.redis.hscan(reservations, cursor === "" ? "0" : cursor, { count: PAGE }),
    ),
  );
  const pairs = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]] as const);
  const seen = await writeRecords(services, run, pairs);
  return { cursor: next === "0" ? "" : next, seen };
}

async function writeRecords(
  services: Services,
  run: string,
  pairs: (readonly [string | undefined, string | null | undefined])[],
): Promise<number> {
  // A page may name a reservation twice; the id is the client's, and a UUID by the contract.
  const records = new Map(pairs.filter(([id, text]) => UUID.test(id ?? "") && typeof text === "string"));
  await services.postgres(
    z.unknown(),
    `insert into snapshot_records (run_id, id, record)
     select $1, id, record::jsonb from unnest($2::uuid[], $3::text[]) as seen (id, record)
     on conflict (run_id, id) do update set record = excluded.record`,
    [run, [...records.keys()], [...records.values()]],
  );
  return records.size;
}

/** @param since seconds of the epoch. @returns as `stageRecords` */
export async function stageIntents(
  services: Services,
  looking: Looking,
  since: number,
  cursor: string,
): Promise<{ cursor: string; seen: number }> {
  const { data, next } = await paymentsOf(services).intents(since, cursor);
  const ours = data.filter(({ sale, reservation }) => sale === looking.sale && UUID.test(reservation ?? ""));
  await writeIntents(services, looking.run, ours);
  return { cursor: next ?? "", seen: ours.length };
}

async function writeIntents(
  services: Services,
  run: string,
  intents: (Intent & { createdAtMs?: number })[],
): Promise<void> {
  await services.postgres(
    z.unknown(),
    `insert into snapshot_intents (run_id, intent, reservation_id, state, amount, currency, created_at)
     select $1, intent, reservation, state, amount, currency, to_timestamp(coalesce(created, 0) / 1000.0)
       from jsonb_to_recordset($2::jsonb)
         as seen (intent text, reservation uuid, state text, amount bigint, currency text, created bigint)
     on conflict (run_id, intent) do update set state = excluded.state, amount = excluded.amount`,
    [
      run,
      JSON.stringify(
        intents.map(({ id: intent, reservation, state, amount, currency, createdAtMs: created }) => ({
          ...{ intent, reservation, state, amount, currency, created },
        })),
      ),
    ],
  );
}

/** @param since seconds of the epoch. @returns as `stageRecords` */
export async function stageRefunds(
  services: Services,
  { run }: Looking,
  since: number,
  cursor: string,
): Promise<{ cursor: string; seen: number }> {
  const { data, next } = await paymentsOf(services).refunds(since, cursor);
  const seen = await writeRefunds(services, run, data);
  return { cursor: next ?? "", seen };
}

/** Of payments that the run knows; what is of other sales is left out. */
async function writeRefunds(services: Services, run: string, refunds: StripeRefund[]): Promise<number> {
  const written = await services.postgres(
    z.unknown(),
    `insert into snapshot_refunds (run_id, stripe_refund, intent, refund, amount, state)
     select $1, id, seen.intent, refund, seen.amount, seen.state
       from jsonb_to_recordset($2::jsonb)
              as seen (id text, intent text, refund text, amount bigint, state text)
            join snapshot_intents as known on known.run_id = $1 and known.intent = seen.intent
     on conflict (run_id, stripe_refund) do update set state = excluded.state
     returning stripe_refund`,
    [run, JSON.stringify(refunds)],
  );
  return written.length;
}

const idRow = z.object({ id: z.string() });

/** @returns the ids of the next page of reservations that any of the three knows */
export async function nextIds(services: Services, { run, sale }: Looking, after: string): Promise<string[]> {
  const first = "00000000-0000-0000-0000-000000000000";
  const rows = await services.postgres(idRow, nextIdsSql, [run, sale, after === "" ? first : after, PAGE]);
  return rows.map(({ id }) => id);
}

export async function readCases(services: Services, { run, sale }: Looking, ids: string[]): Promise<Case[]> {
  return ids.length === 0 ? [] : await services.postgres(caseRow, casesSql, [run, sale, ids]);
}

/** Looks at some reservations again, at Redis and Stripe themselves. */
export async function refresh(
  services: Services,
  looking: Looking,
  cases: { id: string; intents: { id: string }[] }[],
): Promise<Case[]> {
  const { run, sale } = looking;
  const ids = cases.map(({ id }) => id);
  if (ids.length === 0) return [];
  const { reservations } = saleKeys(sale);
  // A client that does not decode answers a list, whatever its type says.
  const texts = z
    .array(z.string().nullable())
    .parse(await persist("HMGET", () => services.redis.hmget(reservations, ...ids)));
  await services.postgres(z.unknown(), "delete from snapshot_records where run_id = $1 and id = any($2)", [
    run,
    ids.filter((_, i) => texts[i] === null),
  ]);
  await writeRecords(
    services,
    run,
    ids.map((id, i) => [id, texts[i]]),
  );
  if (services.payments === undefined) return await readCases(services, looking, ids);
  // Those that Stripe listed, and those that Redis and Postgres know of, maybe since.
  const known = (await readCases(services, looking, ids)).flatMap(({ record, stored, payments, intents }) => [
    ...intents.map(({ id }) => id),
    ...payments.map(({ intent }) => intent),
    ...[record?.intent ?? "", stored?.intent ?? ""].filter((id) => id !== ""),
  ]);
  for (const id of new Set([...cases.flatMap(({ intents }) => intents.map((one) => one.id)), ...known])) {
    const intent = await services.payments.findIntent(id);
    if (intent?.sale !== sale || !UUID.test(intent.reservation ?? "")) continue;
    await writeIntents(services, run, [intent]);
    await writeRefunds(services, run, await services.payments.refundsOf(id));
  }
  return await readCases(services, looking, ids);
}
