/**
 * The way of a join to the script: by itself, or in a large sale (`joinShards`) through the shard of its shopper, which
 * gathers. How many shards a sale has, each answer says; an isolate remembers the latest.
 *
 * A shard that breaks is asked once more, which finds it started anew; then the join goes by itself. Any of these may have
 * been done already, and the script answers a repetition with the place there is. One that has too much to do, or that
 * Redis does not answer, is not asked again: that is a 503, because going past it is what it is there to prevent.
 */
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import { joinAll, type JoinReply, type Wish } from "./join.ts";
import type { ShardAnswer } from "./shard.ts";

/** The shards of all sales: Durable Objects by name (shard-object.ts). */
export interface ShardObjects {
  getByName: (
    name: string,
    options?: { locationHint?: LocationHint },
  ) => { join: (saleId: string, wish: Wish) => Promise<ShardAnswer> };
}
/** The platform's own names of regions. */
export type LocationHint =
  "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "apac-ne" | "apac-se" | "oc" | "afr" | "me";

/** Asks a shard of a sale. Rejects with what the platform or a broken shard says. */
export type AskShard = (saleId: string, shard: number, wish: Wish) => Promise<ShardAnswer>;

/** Shards of a sale that this isolate has heard of; `asking` while the first join of a new isolate finds out. */
const shardsOf = new Map<string, number | "asking">();
/** Requests cannot wait for each other's answers in an isolate, only look again: so often (ms), for so long. */
const [LOOK_EVERY_MS, LOOK_FOR_MS] = [5, 150];
/** When to come again to a shard that has too much to do, each at another moment. */
const [RETRY_SECONDS_MIN, RETRY_SECONDS_MAX] = [2, 5];

/** @throws {Unavailable} Redis did not answer */
export async function join(
  services: Services,
  saleId: string,
  wish: Wish,
): Promise<JoinReply | Refusal<"unavailable">> {
  const { askShard } = services;
  const shards = askShard === undefined ? 0 : await shardsKnown(saleId);
  if (askShard === undefined || shards === 0) return await joinAlone(services, saleId, wish);
  const shard = shardOf(wish, shards);
  const answer = await askTwice(() => askShard(saleId, shard, wish), `shard ${shard} of ${saleId}`);
  if (answer === undefined) return await joinAlone(services, saleId, wish);
  if ("reply" in answer) return heard(saleId, answer.reply);
  switch (answer.failed) {
    case "full":
      return refuse("unavailable", { retryAfterSeconds: retrySeconds() });
    case "unavailable":
      throw new Unavailable("redis", "join, by a shard");
  }
}

/** @returns 0 where it is not known yet: then the script tells */
async function shardsKnown(saleId: string): Promise<number> {
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    const known = shardsOf.get(saleId);
    if (typeof known === "number") return known;
    if (known === undefined) shardsOf.set(saleId, "asking");
    if (known === undefined || waitedMs >= LOOK_FOR_MS) return 0;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function joinAlone(services: Services, saleId: string, wish: Wish): Promise<JoinReply> {
  try {
    const [reply] = await joinAll(services, saleId, [wish]);
    if (reply === undefined) throw new Error("join.lua answers each of those who join");
    return heard(saleId, reply);
  } catch (error) {
    if (shardsOf.get(saleId) === "asking") shardsOf.delete(saleId);
    throw error;
  }
}

/** @returns undefined when the shard broke both times */
async function askTwice(ask: () => Promise<ShardAnswer>, which: string): Promise<ShardAnswer | undefined> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      return await ask();
    } catch (error) {
      console.error(JSON.stringify({ error: `${which}: ${String(error)}` }));
      if (isOverloaded(error)) return { failed: "full" };
    }
  }
  return undefined;
}

/** Notes what an answer says of its sale; nothing of one that is not there, whose name anybody may have made up. */
function heard(saleId: string, reply: JoinReply): JoinReply {
  if (reply.word === "missing") shardsOf.delete(saleId);
  else shardsOf.set(saleId, reply.joinShards);
  return reply;
}

/** What the platform says of an object that does not keep up. */
const isOverloaded = (error: unknown) =>
  error instanceof Error && "overloaded" in error && error.overloaded === true;

const retrySeconds = () => RETRY_SECONDS_MIN + Math.random() * (RETRY_SECONDS_MAX - RETRY_SECONDS_MIN);

/** The same for each of a shopper's joins, and spread evenly: FNV-1a of the id. Pure. */
export function shardOf({ shopper, registered, account }: Wish, shards: number): number {
  let hash = 0x811c9dc5;
  for (const char of account || registered || shopper)
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % shards;
}
