/** How long pages that are the same for everybody may be kept. */

/** For an hour they go on from the cache while what is behind them does not answer. */
export const PAGE_CACHE = "public, max-age=5, stale-while-revalidate=60, stale-if-error=3600";
export const NOT_FOUND_CACHE = "public, max-age=5";
