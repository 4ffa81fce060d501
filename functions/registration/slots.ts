/**
 * Slots: units set aside for people who registered. Who has one is final when registration closes; then their e-mails are
 * written, and units that nobody was given go to the line. What is not claimed goes there at `claimUntil`. Each step may
 * be called by anybody, at any time, twice at once: Postgres decides once, Redis returns what is left over.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { saleTimes } from "../../domain/phase.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { numberAt } from "../../static/assets/draw.js";
import { sendingPlan } from "../mail/schedule.ts";
import { sendDueEmails } from "../mail/mailer.ts";
import { bigint } from "../postgres/client.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import decideSql from "./decide.sql";
import openDrawSql from "./open-draw.sql";
import returnSlotsLua from "./return-slots.lua";

const returnWord = z.enum(["missing", "returned"]);
export const returnSlotsScript: Script<[z.output<typeof returnWord>, number]> = {
  name: "return-slots",
  source: returnSlotsLua,
  reply: z.tuple([returnWord, z.number()]),
};

const slotsRow = z.object({
  definition: saleSchema,
  slot_seed: z.string().nullable(),
  decided: z.boolean(),
  slots_given: bigint,
  slot_draw_count: bigint.nullable(),
  forfeits: z.array(z.string()),
});

/** For how long this isolate lets one call do the work of all who notice that it is due. */
const AT_MOST_EVERY_MS = 1_000;
const lastCalled = new Map<string, number>();

/** Does whatever is due about a sale's slots. Without Postgres only time does its part: what is past `claimUntil` returns. */
export async function settleSlots(services: Services, saleId: string): Promise<void> {
  const now = Date.now();
  if (now - (lastCalled.get(saleId) ?? 0) < AT_MOST_EVERY_MS) return;
  lastCalled.set(saleId, now);
  await settleSlotsNow(services, saleId);
}

/** @returns how many units went to the general stock */
export async function settleSlotsNow(services: Services, saleId: string): Promise<number> {
  const read = () => readSlots(services, saleId);
  let stored = await read().catch((error: unknown) => {
    if (error instanceof Unavailable) return undefined;
    throw error;
  });
  if (
    stored?.definition.slots !== undefined &&
    !stored.decided &&
    slotsAreDue(stored.definition, Date.now())
  ) {
    await decide(services, stored.definition, stored.slot_seed);
    stored = await read();
  }
  const forfeits = stored?.forfeits ?? [];
  const keys = saleKeys(saleId);
  const [word, returned] = await runScript(
    services.redis,
    returnSlotsScript,
    [keys.sale, keys.stock, keys.claims, keys.outbox],
    [
      "",
      stored?.decided === true ? stored.slots_given : "",
      stored?.decided === true ? (stored.slot_draw_count ?? "") : "",
      ...forfeits,
    ],
  );
  if (word === "returned" && forfeits.length > 0)
    await services.postgres(
      z.unknown(),
      "update registrations set returned_at = now() where sale_id = $1 and shopper = any($2)",
      [saleId, forfeits],
    );
  if (returned > 0) services.later(drainSoon(services, saleId));
  return returned;
}

/** Sales about whose slots something may be due; for cron. */
export async function salesWithSlots(services: Services): Promise<string[]> {
  const rows = await services.postgres(
    z.object({ id: z.string() }),
    `select id from sales
      where definition ? 'slots' and published_at is not null
        and (definition ->> 'closesAt')::timestamptz > now() - interval '1 day'`,
    [],
  );
  return rows.map(({ id }) => id);
}

/** Whether it is time to make it final who has a slot. */
export const slotsAreDue = (sale: Sale, nowMs: number) => nowMs >= saleTimes(sale).slotsDecidedFromMs;

async function readSlots(services: Services, saleId: string): Promise<z.output<typeof slotsRow> | undefined> {
  const [row] = await services.postgres(
    slotsRow,
    `select definition, slot_seed, slots_decided_at is not null as decided, slots_given, slot_draw_count,
            array(select shopper from registrations
                   where sale_id = sales.id and gave_back and returned_at is null) as forfeits
       from sales where id = $1`,
    [saleId],
  );
  return row;
}

/** Makes it final who has a slot. A draw is over the numbers given until now, whoever of them is still there. */
async function decide(services: Services, sale: Sale, seed: string | null): Promise<void> {
  const { slots } = sale;
  if (slots === undefined) return;
  let drawn: { count: number; numbers: number[] } | undefined;
  if (seed !== null) {
    const [row] = await services.postgres(z.object({ count: bigint }), openDrawSql, [sale.id]);
    const count = row?.count ?? 0;
    drawn = { count, numbers: await drawnNumbers(services, sale.id, seed, count, slots.count) };
  }
  const emails = drawn?.count ?? slots.count;
  const plan = sendingPlan({
    count: emails,
    ...services.emailLimits,
    opensAtMs: Date.parse(sale.opensAt),
    nowMs: Date.now(),
  });
  await services.postgres(z.unknown(), decideSql, [
    sale.id,
    drawn?.numbers ?? null,
    drawn?.count ?? 0,
    new Date(plan.startAtMs).toISOString(),
    plan.everyMs,
  ]);
  services.later(sendDueEmails(services));
}

/** Web Crypto hashes one text per promise, which is slow for the hundreds of thousands that a draw takes. */
const hash = (text: string) => sha1(utf8ToBytes(text));

/** The numbers on the first places that are still there, as many as there are slots. */
async function drawnNumbers(
  services: Services,
  saleId: string,
  seed: string,
  count: number,
  slots: number,
): Promise<number[]> {
  const rows = await services.postgres(
    z.object({ number: bigint }),
    "select number from registrations where sale_id = $1 and state = 'waiting' and number <= $2",
    [saleId, count],
  );
  const there = new Set(rows.map(({ number }) => number));
  const wanted = Math.min(slots, there.size);
  const drawn: number[] = [];
  for (let place = 1; place <= count && drawn.length < wanted; place++) {
    const number = await numberAt(seed, count, place, hash);
    if (there.has(number)) drawn.push(number);
  }
  return drawn;
}
