/** Counters of the front: how much of the crowd the cache absorbed. */
import type { CacheStatus } from "./answer.ts";
import type { Store } from "./store.ts";
import type { Upstream } from "./upstream.ts";

export interface FrontStats {
  requests: number;
  /** Answers by the word in CF-Cache-Status; static files are counted as `STATIC`. */
  byStatus: Record<CacheStatus, number>;
  /** Requests sent to the Worker, background refreshes included. */
  upstreamRequests: number;
  /** Body bytes sent to clients. */
  bytes: number;
  /** What the memory holds now; a reset does not change it. */
  stored: { entries: number; bytes: number };
}

export interface Stats {
  asked: () => void;
  answered: (status: CacheStatus) => void;
  sent: (bytes: number) => void;
  read: () => FrontStats;
  reset: () => void;
}

const none = (): Record<CacheStatus, number> => ({
  HIT: 0,
  MISS: 0,
  STALE: 0,
  UPDATING: 0,
  REVALIDATED: 0,
  EXPIRED: 0,
  BYPASS: 0,
  DYNAMIC: 0,
  STATIC: 0,
});

export function createStats(upstream: Upstream, store: Store): Stats {
  let requests = 0;
  let bytes = 0;
  let byStatus = none();
  return {
    asked() {
      requests++;
    },
    answered(status) {
      byStatus[status]++;
    },
    sent: (more) => void (bytes += more),
    read: () => ({
      requests,
      byStatus: { ...byStatus },
      upstreamRequests: upstream.requests(),
      bytes,
      stored: { entries: store.entries, bytes: store.bytes },
    }),
    reset() {
      requests = 0;
      bytes = 0;
      byStatus = none();
      upstream.resetRequests();
    },
  };
}
