/** A shard (shard.ts) as a Durable Object: the one place on the platform where requests can wait for each other's answer. */
import { DurableObject } from "cloudflare:workers";
import { connectRedis } from "../redis/client.ts";
import type { Env } from "../services.ts";
import type { Wish } from "./join.ts";
import { createShard, type ShardAnswer } from "./shard.ts";

export class JoinShard extends DurableObject<Env> {
  #joinShard: ((wish: Wish) => Promise<ShardAnswer>) | undefined;

  /** @param saleId the same in every call: an object is one shard of one sale */
  async join(saleId: string, wish: Wish): Promise<ShardAnswer> {
    const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = this.env;
    this.#joinShard ??= createShard({ redis: connectRedis(url, token) }, saleId);
    return await this.#joinShard(wish);
  }
}
