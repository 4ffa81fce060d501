/** Redis and Postgres: whether they answer, how far away they are, and whether they are ready for a sale. */
import { z } from "zod";
import { confirmScript } from "../checkout/payment.ts";
import { returnScript } from "../checkout/refund.ts";
import { bigint } from "../postgres/client.ts";
import { joinScript } from "../queue/join.ts";
import { releaseScript as tickScript } from "../queue/pulse.ts";
import { enterScript, leaveScript } from "../queue/queue.ts";
import { persist, type Script } from "../redis/client.ts";
import { admitScript } from "../registration/admit.ts";
import { returnSlotsScript } from "../registration/slots.ts";
import { expireScript } from "../reservation/expire.ts";
import { extendScript } from "../reservation/extend.ts";
import { releaseScript, reserveScript } from "../reservation/reservation.ts";
import { redefineScript } from "../sale/redefine.ts";
import { setRuleScript } from "../sale/rules.ts";
import { topUpScript } from "../sale/top-up.ts";
import type { Services } from "../services.ts";
import { check, countText, spanText, type Finding } from "./finding.ts";
import { LAST_MIGRATION } from "./last-migration.ts";

/** Round trips in a row, of which the middle one counts. */
const PINGS = 3;
/** A store in the same region answers within this; further away each purchase gets slower by its five calls. */
const NEAR_MS = 15;
/** Measured: bench/line.ts, a line of a million. */
const BYTES_A_PERSON = 126;
const [SKEW_SEEN_MS, SKEW_BAD_MS] = [2_000, 10_000];

/** What every script of a running sale is. */
const scripts: Script<unknown>[] = [
  joinScript,
  leaveScript,
  enterScript,
  tickScript,
  admitScript,
  returnSlotsScript,
  reserveScript,
  releaseScript,
  confirmScript,
  expireScript,
  extendScript,
  returnScript,
  topUpScript,
  setRuleScript,
  redefineScript,
];

export async function redisNear({ redis }: Services): Promise<Finding> {
  const took = await roundTrip(() => persist("PING", () => redis.ping()));
  return distance(check("redis", "Redis"), took, "UPSTASH_REDIS_REST_URL");
}

export async function postgresNear({ postgres }: Services): Promise<Finding> {
  const took = await roundTrip(() => postgres(z.unknown(), "select 1", []));
  return distance(check("postgres", "Postgres"), took, "DATABASE_URL");
}

async function roundTrip(ask: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const startedMs = Date.now();
    await ask();
    took.push(Date.now() - startedMs);
  }
  return took.sort((a, b) => a - b)[PINGS >> 1] ?? 0;
}

/** Where a Worker runs it cannot see; how far it is from its stores it can measure, and that is what matters. */
function distance({ green, amber }: ReturnType<typeof check>, ms: number, setting: string): Finding {
  const found = `Answers, ${spanText(ms)} away from the functions.`;
  const way = `Put the region of ${setting} into [placement] of functions/wrangler.toml and deploy. Where the functions ran, the header cf-placement of an answer says.`;
  return ms < NEAR_MS ? green(found) : amber(found, way);
}

/** @param people in line at once, as many as are expected */
export async function redisRoom({ redis }: Services, people: number): Promise<Finding> {
  const { green, amber, red } = check("redis-memory", "Room in Redis");
  const info = String(await persist("INFO", () => redis.exec<unknown>(["INFO", "memory"])));
  const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
  const [used, limit] = [number("used_memory"), number("maxmemory")];
  const needs = people * BYTES_A_PERSON;
  const found = `${countText(people)} people in line need ${megabytes(needs)}${Number.isNaN(used) ? "" : `; ${megabytes(used)} are in use`}`;
  if (Number.isNaN(limit) || limit === 0)
    return amber(
      `${found}. How much there may be cannot be seen from here.`,
      "Compare it with the limit of your plan at Upstash, and leave eviction off.",
    );
  return used + needs < limit
    ? green(`${found}, of ${megabytes(limit)}.`)
    : red(`${found}, and there are ${megabytes(limit)}.`, "Take a larger plan at Upstash before the sale.");
}

const megabytes = (bytes: number) => `${countText(Math.max(1, Math.round(bytes / 1e6)))} MB`;

/** Loads them, which also spares the first shopper sending them. */
export async function scriptsLoad({ redis }: Services): Promise<Finding> {
  const { green } = check("redis-scripts", "Scripts of Redis");
  for (const { name, source } of scripts) await persist(`load ${name}`, () => redis.scriptLoad(source));
  return green(`${scripts.length} scripts are loaded.`);
}

export async function migrated({ postgres }: Services): Promise<Finding> {
  const { green, red, amber } = check("migrations", "Migrations");
  const way = "DATABASE_URL=… npm run deploy applies them before it deploys.";
  const [log] = await postgres(
    z.object({ there: z.boolean() }),
    "select to_regclass('schema_migrations') is not null as there",
    [],
  );
  if (log?.there !== true) return red("This database was never migrated.", way);
  const [row] = await postgres(
    z.object({ last: bigint.nullable() }),
    "select max(version) as last from schema_migrations",
    [],
  );
  const last = row?.last ?? 0;
  if (last < LAST_MIGRATION) return red(`The database is at ${last} of ${LAST_MIGRATION}.`, way);
  return last === LAST_MIGRATION
    ? green(`The database has all ${LAST_MIGRATION}.`)
    : amber(
        `The database is at ${last}, these functions know ${LAST_MIGRATION}.`,
        "Deploy the functions of the same version.",
      );
}

export async function clocks({ redis, postgres }: Services): Promise<Finding> {
  const { green, amber, red } = check("clocks", "Clocks");
  const apart = async (ask: () => Promise<number>) => {
    const startedMs = Date.now();
    const theirs = await ask();
    return theirs - (startedMs + Date.now()) / 2;
  };
  const redisMs = await apart(async () => {
    const [seconds, micros] = z.tuple([bigint, bigint]).parse(await persist("TIME", () => redis.time()));
    return seconds * 1000 + micros / 1000;
  });
  const postgresMs = await apart(async () => {
    const [row] = await postgres(
      z.object({ now: z.coerce.number() }),
      "select extract(epoch from clock_timestamp()) * 1000 as now",
      [],
    );
    return row?.now ?? 0;
  });
  const worst = Math.max(Math.abs(redisMs), Math.abs(postgresMs), Math.abs(redisMs - postgresMs));
  const signed = (ms: number) => `${ms < 0 ? "−" : "+"}${spanText(Math.abs(ms))}`;
  const found = `Redis ${signed(redisMs)}, Postgres ${signed(postgresMs)} against the functions.`;
  if (worst < SKEW_SEEN_MS) return green(found);
  const way = "A sale opens by the clock of Redis. Ask whoever runs the store that is off.";
  return worst < SKEW_BAD_MS ? amber(found, way) : red(found, way);
}
