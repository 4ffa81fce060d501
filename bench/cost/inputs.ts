/**
 * Everything the cost model and the simulation of a sale go by, in one place: what was measured with this project, and
 * what the platforms ask. Each figure says where it is from; those that nobody could measure here, or confirm on a vendor's
 * own page, say so. A test holds those that the project counts itself to their source.
 */

export interface Figure {
  value: number;
  unit: string;
  /** Which run, test or page. */
  from: string;
  /** Nobody measured or confirmed it: an assumption to replace with what you know. */
  assumed?: true;
}

const figure = (value: number, unit: string, from: string): Figure => ({ value, unit, from });
const assumed = (value: number, unit: string, from: string): Figure => ({ value, unit, from, assumed: true });

const COMMANDS = "tests/lua/commands.test.ts";
const REHEARSAL = "npm run rehearse -- --shoppers 2000 --stock 100 --seed 1";
/** With others on both cores, and the start of its isolates included: an upper bound. */
const BUSY = "npm run rehearse -- --shoppers 6000 --stock 120 --seed 1, on a busy machine";
const WORKERS = "Cloudflare Workers docs, “Pricing”, read 2026-11-26";
const OBJECTS = "Cloudflare Durable Objects docs, “Pricing”, read 2026-11-26";
const UPSTASH = "Upstash docs, “Pricing & Billing”, read 2026-11-26";
const UPSTASH_PLANS = "Upstash's price page as copied 2026-09-20 (own page not reached)";
const NEON = "Neon docs, “Neon plans”, of 2026-11-12, read 2026-11-26";

export const measured = {
  /** Billed Redis commands of each step, its script call included. */
  "commands.join": figure(8, "commands", COMMANDS),
  "commands.entry": figure(7, "commands", COMMANDS),
  "commands.reserve": figure(12, "commands", COMMANDS),
  "commands.checkout": figure(4, "commands", COMMANDS),
  "commands.confirm": figure(9, "commands", COMMANDS),
  "commands.giveBack": figure(12, "commands", COMMANDS),
  "commands.expire": figure(1, "commands a hold", COMMANDS),
  "commands.pulse": figure(8, "commands", COMMANDS),
  "commands.sync": figure(4, "commands a purchase", `${REHEARSAL}: 40 with its writes, 36 without`),
  /** Joins carried together by one call of a shard. */
  "batch.commandsPerCall": assumed(9, "commands", "the commands of a call of join.lua that carries many"),
  "batch.joinsPerCall": assumed(100, "joins", "100,000 joins in 1,000 calls; up to 500 in a burst"),
  "batch.joinsPerShardPerSecond": assumed(
    500,
    "joins/s",
    "Durable Objects FAQ: 500–1,000 requests/s an object",
  ),

  "requests.pages": figure(1.08, "a shopper", `${REHEARSAL}: 2,160 pages`),
  "requests.joins": figure(1.08, "a shopper", `${REHEARSAL}: reloads join again`),
  "requests.entries": figure(1.1, "an entry", `${REHEARSAL}: some ask too early`),
  "requests.statics": figure(6, "a shopper", "files of the first view; free, no code runs"),
  /** Of those who look at the pulse, how many are answered without any Worker. */
  "cache.pollsAbsorbed": figure(0.9994, "share", `${REHEARSAL}: 119,570 polls, the pulse made 61 times`),
  "cache.fills": assumed(5, "a second", "places that refill the pulse each second: 1 here, unknown of a CDN"),

  /** A pulse is so old when it is read, and the next look is counted from when it was made. */
  "looks.pulseAgeSeconds": figure(0.25, "s", `${REHEARSAL}: fitted to its 119,570 polls`),
  "looks.perRelease": figure(2, "looks", "by the rules of functions/queue/pace.ts and static/assets/api.js"),
  /** From the release to the entry of those whose turn has come. */
  "looks.hearsTurnSeconds": figure(0.75, "s", "a pulse a second, and the spread of static/assets/api.js"),

  /** Of those let in, while it matters to the stock. */
  "people.leave": figure(0.03, "share", "bench/rehearse/crowd.ts"),
  "people.giveBack": figure(0.05, "share", "bench/rehearse/crowd.ts"),
  "people.abandon": figure(0.06, "share", "bench/rehearse/crowd.ts"),

  "cpu.edgeMs": figure(2.8, "ms an answer", `${BUSY}: 18.9 s of workerd for 6,723 answers`),
  "cpu.functionsMs": figure(1.7, "ms an answer", `${BUSY}: 11.5 s of workerd for 6,693 answers`),
  "latency.functionsMs": figure(7, "ms", `${REHEARSAL}: a join at the median`),
  "latency.slowMs": figure(4000, "ms", "SLOW_MS in workers/circuit.ts"),
  "latency.retrySeconds": figure(5, "s", "workers/circuit.ts: come back in 2 to 8 s"),

  "redis.bytesPerPerson": figure(126, "bytes", "npm run bench -- --only line: 126 MB of a line of a million"),
  "postgres.ordersPerSecond": figure(24_800, "orders/s", "npm run bench -- --only sync"),
  "postgres.bytesPerOrder": assumed(
    2_000,
    "bytes",
    "rows of reservation, order, lines, ledger and their indexes",
  ),
  "postgres.computeUnits": assumed(2, "CU", "a compute that is sized for the sale and scaled down after it"),
  "mail.perRegistration": figure(2, "e-mails", "functions/mail/kinds.ts: confirm, then slot or waiting"),
  "mail.perOrder": figure(1, "e-mails", "functions/mail/kinds.ts: receipt"),
} satisfies Record<string, Figure>;

export const prices = {
  "workers.base": figure(5, "$ a month", WORKERS),
  "workers.requests": figure(0.3, "$ a million", WORKERS),
  "workers.requestsIncluded": figure(10e6, "a month", WORKERS),
  "workers.cpu": figure(0.02, "$ a million ms", WORKERS),
  "workers.cpuIncluded": figure(30e6, "ms a month", WORKERS),
  /** A hit is a request like any other, without CPU time; a service binding costs no request. */
  "workers.cacheHit": figure(1, "requests", "Cloudflare Workers Cache docs, “Billing”, read 2026-11-26"),
  "objects.requests": figure(0.15, "$ a million", OBJECTS),
  "objects.requestsIncluded": figure(1e6, "a month", OBJECTS),
  "objects.duration": figure(12.5, "$ a million GB-s", OBJECTS),
  "objects.durationIncluded": figure(400_000, "GB-s a month", OBJECTS),
  "objects.gb": figure(0.128, "GB an object", OBJECTS),
  "mail.thousand": figure(0.35, "$ a thousand", "Cloudflare Email Service docs, “Pricing”, read 2026-11-26"),
  "mail.included": figure(3_000, "a month", "Cloudflare Email Service docs, “Pricing”, read 2026-11-26"),
  "redis.commands": figure(2, "$ a million", `${UPSTASH}: pay as you go, $0.20 per 100,000`),
  "redis.storage": figure(0.25, "$ a GB and month", UPSTASH),
  "redis.storageIncluded": figure(1, "GB", UPSTASH),
  "redis.commandsPerSecond": figure(10_000, "commands/s", `${UPSTASH}: pay as you go`),
  "redis.fixed": assumed(200, "$ a month", `${UPSTASH_PLANS}: Fixed 10GB, no charge for commands`),
  "redis.fixedCommandsPerSecond": assumed(10_000, "commands/s", `${UPSTASH_PLANS}: not said for fixed plans`),
  "redis.enterpriseCommandsPerSecond": assumed(
    100_000,
    "commands/s",
    `${UPSTASH_PLANS}: “100K+”, price on request`,
  ),
  "postgres.compute": figure(0.106, "$ a CU-hour", `${NEON}: Launch`),
  "postgres.storage": figure(0.35, "$ a GB-month", NEON),
  "stripe.percent": assumed(0, "% of the money", "left out unless asked for (--payment-percent)"),
} satisfies Record<string, Figure>;

export const inputs = { ...measured, ...prices };
export type InputName = keyof typeof inputs;

/** The figure itself. */
export const of = (name: InputName): number => inputs[name].value;
