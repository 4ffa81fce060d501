/**
 * The article's design to the letter: the line is a sorted set (ZADD to join, ZRANK at every poll, ZPOPMIN to release), the stock a
 * number that three lines of Lua take from. Who got a unit is not written down; a repeated call takes another one; nothing expires.
 */
import { Redis } from "@upstash/redis";

const RELEASE_SIZE = 100;
const RELEASE_EVERY_MS = 5_000;

export async function enter({ redis: { url, token } }) {
  // Without pipelining: in a Worker each shopper's call is a request of its own, and cannot wait for another's.
  const redis = new Redis({ url, token, enableTelemetry: false, enableAutoPipelining: false });
  const script = redis.createScript(
    `#!lua flags=allow-key-locking
     local stock = tonumber(redis.call('GET', KEYS[1]))
     if stock > 0 then return redis.call('DECR', KEYS[1]) end
     return -1`,
  );
  let [units, line] = ["", ""];
  let releasedAtMs = 0;
  const take = async () => (await script.exec([units], [])) >= 0;
  /** Of those at the head of the line, every five seconds. */
  const release = async () => {
    if (Date.now() - releasedAtMs < RELEASE_EVERY_MS) return;
    releasedAtMs = Date.now();
    await redis.zpopmin(line, RELEASE_SIZE);
  };
  return {
    async prepare(race, stock) {
      [units, line] = [`{${race}}:stock`, `{${race}}:queue`];
      releasedAtMs = 0;
      await redis.set(units, stock);
    },
    take,
    async visit(shopper, polls) {
      await redis.zadd(line, { score: Date.now(), member: shopper });
      let rank = 0;
      for (let poll = 0; poll < polls && rank !== null; poll++) {
        rank = await redis.zrank(line, shopper);
        await release();
      }
      return rank === null && (await take());
    },
    left: async () => Number(await redis.get(units)),
  };
}
