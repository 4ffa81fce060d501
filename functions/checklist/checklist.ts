/**
 * Everything that should be right before a sale opens, looked at now, all at once. Nothing is changed by it, but that scripts are
 * loaded and that what is due is done. What cannot be looked at, because a store does not answer, says so and stops nothing else.
 */
import { z } from "zod";
import type { Checklist } from "../../domain/api.ts";
import type { EdgeState } from "../../domain/internal.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { readDefinition } from "../sale/redefine.ts";
import type { Env, Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import { inOrder, published, stockEqual, synced } from "./books.ts";
import { check, type Finding } from "./finding.ts";
import { lettersInTime, senderSet, stripeReady, webhooksCome } from "./outside.ts";
import { paceSensible, timesSensible } from "./rules.ts";
import { botCheck, edgeCache, edgeFits, keysOwn, secretsThere, tokensApart } from "./settings.ts";
import { clocks, migrated, postgresNear, redisNear, redisRoom, scriptsLoad } from "./stores.ts";

export interface Asked {
  env: Env;
  /** Where the shop was asked for. */
  host: string;
  edge: EdgeState | undefined;
  /** In line at once; when not said, a hundred for each unit, within reason. */
  people: number | undefined;
}

const PEOPLE_A_UNIT = 100;
const [PEOPLE_MIN, PEOPLE_MAX] = [10_000, 1_000_000];

export async function readChecklist(
  services: Services,
  saleId: string,
  { env, host, edge, people }: Asked,
): Promise<Checklist | Refusal<"not_found">> {
  const sale = await definitionOf(services, saleId);
  if (sale === undefined) return refuse("not_found", { detail: `There is no sale "${saleId}".` });
  const units = sale.items.reduce((sum, { stock }) => sum + stock, 0);
  const expected = people ?? Math.min(PEOPLE_MAX, Math.max(PEOPLE_MIN, units * PEOPLE_A_UNIT));
  const nowMs = Date.now();
  // Alone, before all the others: what is measured is the way there.
  const near = [
    await look("redis", "Redis", () => redisNear(services)),
    await look("postgres", "Postgres", () => postgresNear(services)),
  ];
  const items = await Promise.all([
    look("secrets", "Secrets", () => secretsThere(env)),
    look("keys", "Keys", () => keysOwn(env, host)),
    look("edge-keys", "Keys of both Workers", () => edgeFits(env, edge)),
    look("tokens", "Tokens for signing in", () => tokensApart(env)),
    look("redis-memory", "Room in Redis", () => redisRoom(services, expected)),
    look("redis-scripts", "Scripts of Redis", () => scriptsLoad(services)),
    look("migrations", "Migrations", () => migrated(services)),
    look("clocks", "Clocks", () => clocks(services)),
    look("published", "Published", () => published(services, sale)),
    look("stock", "Stock", () => stockEqual(services, sale)),
    look("sync", "Writing to Postgres", () => synced(services, sale)),
    look("discrepancies", "Discrepancies", () => inOrder(services, sale)),
    look("times", "Times", () => timesSensible(sale, nowMs)),
    look("pace", "Pace", () => paceSensible(sale)),
    look("stripe", "Stripe", () => stripeReady(services, env, sale)),
    look("webhooks", "Webhooks of Stripe", () => webhooksCome(services, sale)),
    look("mail-sender", "Sender of e-mails", () => senderSet(services, sale)),
    look("mail-limits", "Time to send e-mails", () => lettersInTime(services, sale)),
    look("edge-cache", "Cache of the edge", () => edgeCache(edge)),
    look("bot-check", "Bot check", () => botCheck(edge, sale.identity)),
  ]);
  const all = [...near, ...items].flat();
  const has = (light: Finding["light"]) => all.some((item) => item.light === light);
  return {
    sale: sale.id,
    name: sale.name,
    checkedAt: new Date(nowMs).toISOString(),
    light: has("red") ? "red" : has("amber") ? "amber" : "green",
    items: all,
  };
}

/** One check. That a store does not answer is a finding too. */
async function look(
  id: string,
  title: string,
  at: () => Finding | Finding[] | Promise<Finding | Finding[]>,
): Promise<Finding[]> {
  try {
    return [await at()].flat();
  } catch (error) {
    const { red } = check(id, title);
    if (error instanceof Unavailable) {
      const store = { redis: "Redis", postgres: "Postgres", stripe: "Stripe" }[error.store];
      return [red(`${store} does not answer, or refuses what it is asked.`, ways[error.store])];
    }
    console.error(JSON.stringify({ checklist: id, error: String(error) }));
    return [red("It could not be looked at.", "The functions' log says why.")];
  }
}

const ways = {
  redis:
    "Look at UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and Upstash's status; /healthz shows it too.",
  postgres: "Look at DATABASE_URL and Neon's status; if it answers, migrate it: npm run deploy.",
  stripe: "Look at STRIPE_SECRET_KEY and Stripe's status.",
};

/** As Postgres has it; while that does not answer, as Redis has it. */
async function definitionOf(services: Services, saleId: string): Promise<Sale | undefined> {
  try {
    const [row] = await services.postgres(
      z.object({ definition: saleSchema }),
      "select definition from sales where id = $1",
      [saleId],
    );
    return row?.definition;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return (await readDefinition(services, saleId))?.sale;
  }
}
