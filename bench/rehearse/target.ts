/**
 * What a rehearsal runs against. An address and the operator's token are enough; a local stack also lets the figures
 * of its front and its Redis gateway be read. What cannot be read is missing from the report, never guessed.
 */

import type { Stall } from "./lag.ts";
import type { StripeRequests } from "./stripe-requests.ts";

export interface FrontStats {
  requests: number;
  byStatus: Record<string, number>;
  /** What the cache could not answer, its own refreshes included. */
  upstreamRequests: number;
}

export interface RedisStats {
  calls: number;
  scriptCalls: number;
  /** Each call plus the commands inside scripts. */
  billedCommands: number;
  byCommand: Record<string, number>;
}

export interface RehearsalTarget {
  url: string;
  adminToken: string;
  /** A payment page that can be paid on without a browser: the double's. Without it nobody gets beyond the page. */
  stripe?: { url: string; secretKey: string };
  /** Where its e-mails end up; without it nobody can register. */
  mailbox?: { url: string };
  /** How often the shop has asked Stripe what. */
  stripeRequests?: () => Promise<StripeRequests>;
  /** Runs now what otherwise runs once a minute. */
  cron?: () => Promise<void>;
  front?: { stats: () => FrontStats | Promise<FrontStats> };
  redis?: { stats: () => Promise<RedisStats> };
  /** Of the process that everything of it runs below, where that is on this machine. */
  pid?: number;
  /** When the front's process stood still; absent where that process is this one, or not ours. */
  stalls?: () => Promise<Stall[]>;
}

/** A client there may stand for many visitors by saying an address for each. */
export const isLocal = (url: string) => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
