/** All rows, in the order in which they are measured. */
import type { Row } from "./measure.ts";
import { bundles } from "./rows/bundles.ts";
import { chain } from "./rows/chain.ts";
import { checks } from "./rows/checks.ts";
import { edge } from "./rows/edge.ts";
import { gateway } from "./rows/gateway.ts";
import { joins } from "./rows/joins.ts";
import { lag } from "./rows/lag.ts";
import { limiter } from "./rows/limiter.ts";
import { line } from "./rows/line.ts";
import { purchase } from "./rows/purchase.ts";
import { race } from "./rows/race.ts";
import { reconciliation } from "./rows/reconcile.ts";
import { scripts } from "./rows/scripts.ts";
import { sync } from "./rows/sync.ts";
import { trips } from "./rows/trips.ts";
import { visit } from "./rows/visit.ts";

export const rows: readonly Row[] = [
  ...[edge, checks, bundles],
  ...[scripts, line, joins, purchase, trips, gateway, chain],
  ...[sync, lag, reconciliation],
  ...[race, visit, limiter],
];
