/**
 * 10 requests a second per shopper, by the generic cell rate algorithm (GCRA): one number per key, kept in the isolate.
 * By hand, because it must cost nothing: no I/O, no timer. The accepted trade-off is that each isolate counts alone and
 * forgets with its end; what goes round isolates is stopped by the location's count (door.ts), and of joins and holds by
 * the scripts, exactly. Pure but for its table: `nowMs` is passed in.
 */
import type { Rate } from "./policy.ts";

export interface Verdict {
  allowed: boolean;
  /** Requests that would still be allowed now. */
  remaining: number;
  /** Seconds until the next request is allowed; 0 when it is now. */
  retryAfterSeconds: number;
}

export interface Limiter {
  take: (key: string, nowMs: number) => Verdict;
  /** Refuses a key until then: what has counted it exactly said so, and need not be asked again. */
  block: (key: string, untilMs: number) => void;
}

export function createLimiter({ perSecond, burst, keysMax }: Rate & { keysMax: number }): Limiter {
  const intervalMs = 1000 / perSecond;
  /** Key → when its allowance would be whole again (the "theoretical arrival time"); in the order last seen. */
  const arrivals = new Map<string, number>();

  function remember(key: string, arrivalMs: number): void {
    arrivals.delete(key);
    arrivals.set(key, arrivalMs);
    if (arrivals.size > keysMax) arrivals.delete(arrivals.keys().next().value ?? "");
  }

  return {
    take(key, nowMs) {
      const arrival = Math.max(arrivals.get(key) ?? 0, nowMs);
      const next = arrival + intervalMs;
      const earliestMs = next - burst * intervalMs;
      const allowed = earliestMs <= nowMs;
      if (allowed) remember(key, next);
      const used = (allowed ? next : arrival) - nowMs;
      return {
        allowed,
        remaining: Math.max(0, Math.floor(burst - used / intervalMs)),
        retryAfterSeconds: allowed ? 0 : (earliestMs - nowMs) / 1000,
      };
    },
    block(key, untilMs) {
      remember(key, Math.max(arrivals.get(key) ?? 0, untilMs + (burst - 1) * intervalMs));
    },
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
