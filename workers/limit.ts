/**
 * 10 requests a second per shopper, by the generic cell rate algorithm (GCRA): one number per key, kept in the isolate.
 * By hand, because it must cost nothing: no I/O, no timer. The accepted trade-off is that each isolate counts alone and
 * forgets with its end. Pure but for its table: `nowMs` is passed in.
 */

export interface Limit {
  /** Requests per second that a key may make for ever. */
  perSecond: number;
  /** Requests it may make at once after a rest. */
  burst: number;
  /** Keys remembered; beyond it the one longest unseen is forgotten. */
  keysMax: number;
}

export interface Verdict {
  allowed: boolean;
  /** Requests that would still be allowed now. */
  remaining: number;
  /** Seconds until the next request is allowed; 0 when it is now. */
  retryAfterSeconds: number;
}

export const SHOPPER_LIMIT: Limit = { perSecond: 10, burst: 20, keysMax: 50_000 };

/** Newcomers from one address: a household or an office at once, and then one a second. */
export const NEWCOMER_LIMIT: Limit = { perSecond: 1, burst: 100, keysMax: 50_000 };

export function createLimiter({ perSecond, burst, keysMax }: Limit): (key: string, nowMs: number) => Verdict {
  const intervalMs = 1000 / perSecond;
  /** Key → when its allowance would be whole again (the "theoretical arrival time"); in the order last seen. */
  const arrivals = new Map<string, number>();

  return (key, nowMs) => {
    const arrival = Math.max(arrivals.get(key) ?? 0, nowMs);
    const next = arrival + intervalMs;
    const earliestMs = next - burst * intervalMs;
    const allowed = earliestMs <= nowMs;
    if (allowed) {
      arrivals.delete(key);
      arrivals.set(key, next);
      if (arrivals.size > keysMax) arrivals.delete(arrivals.keys().next().value ?? "");
    }
    const used = (allowed ? next : arrival) - nowMs;
    return {
      allowed,
      remaining: Math.max(0, Math.floor(burst - used / intervalMs)),
      retryAfterSeconds: allowed ? 0 : (earliestMs - nowMs) / 1000,
    };
  };
}

/** Who a request without identity counts as: its address, for IPv6 the network a household or a server has (/64). */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":")}::/64`;
}
