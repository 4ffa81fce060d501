/**
 * A shard of a large sale: gathers the joins of a part of its shoppers, so that one call of join.lua carries many. It
 * decides nothing and keeps nothing: whatever becomes of it, the script knows who has a place. So it may die in the middle
 * of a call or be there twice for a while, and whoever asked it asks again.
 *
 * Trade-off: numbers follow the order of arrival within a shard. Between shards somebody may be ahead of who came a moment
 * earlier to another one: up to a rest (`REST_MAX_MS`) and a call.
 */
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import { createGathering } from "./gather.ts";
import { joinAll, JOINS_MAX, type JoinReply, type Wish } from "./join.ts";

/** What a shard says of one who joins. Expected failures are values, because an error loses its class on the way. */
export type ShardAnswer = { reply: JoinReply } | { failed: "full" | "unavailable" };

/** Waiting at the most, some KB each: ten full calls, which take well below a second while Redis answers. */
const WAITING_MAX = 5_000;
/**
 * So many joins a second of the whole sale may each have a call of their own: a third of the commands that Upstash allows.
 * Beyond, rests grow with what calls carry.
 */
const CALLS_ALONE_PER_SECOND = 400;
const REST_MAX_MS = 250;
/** What may be owed without a rest: a few who come together while it is quiet have a call each. */
const OWED_FREE_MS = 50;
/** Enough for another long rest after one: a crowd that is being answered is only gone for a moment. */
const OWED_MAX_MS = OWED_FREE_MS + 2 * REST_MAX_MS;

export function createShard(
  { redis }: Pick<Services, "redis">,
  saleId: string,
  { waitingMax = WAITING_MAX } = {},
): (wish: Wish) => Promise<ShardAnswer> {
  let shards = 1;
  const restMs = createRests();
  const gathering = createGathering<Wish, JoinReply>({
    async send(wishes) {
      const replies = await joinAll({ redis }, saleId, wishes);
      shards = replies[0]?.joinShards ?? shards;
      return replies;
    },
    carriesMax: JOINS_MAX,
    waitingMax,
    restMs: (carried) => restMs(carried, shards),
  });
  return async (wish) => {
    try {
      const reply = await gathering.ask(wish);
      return reply === undefined ? { failed: "full" } : { reply };
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return { failed: "unavailable" };
    }
  };
}

/**
 * How long a shard rests after each of its calls (ms). Each join owes as much time as its share of the calls that a sale may make; time
 * that goes by is worked off, and what is owed beyond a little is rested.
 */
export function createRests(): (carried: number, shards: number) => number {
  let [owedMs, atMs] = [0, 0];
  return (carried, shards) => {
    const nowMs = Date.now();
    const leftMs = Math.max(0, owedMs - (nowMs - atMs));
    owedMs = Math.min(OWED_MAX_MS, leftMs + (carried * shards * 1000) / CALLS_ALONE_PER_SECOND);
    atMs = nowMs;
    return Math.min(REST_MAX_MS, Math.max(0, owedMs - OWED_FREE_MS));
  };
}
