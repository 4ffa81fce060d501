/**
 * Upstash's own limiter, a sliding window in Redis: exact over all isolates and regions, for one call of Redis per decision. Its cache
 * of those who are over the limit is on, as it is by default.
 */
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

export async function enter({ redis: { url, token } }) {
  // Without pipelining: in a Worker each shopper's call is a request of its own, and cannot wait for another's.
  const redis = new Redis({ url, token, enableTelemetry: false, enableAutoPipelining: false });
  let limiter;
  return {
    async prepare(race, each) {
      limiter = new Ratelimit({
        redis,
        limiter: Ratelimit.slidingWindow(each, "1 h"),
        prefix: race,
        ephemeralCache: new Map(),
        analytics: false,
      });
    },
    take: async (caller) => (await limiter.limit(caller)).success,
    left: async () => 0,
  };
}
