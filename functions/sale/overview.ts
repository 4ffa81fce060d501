/** How all sales stand, on one screen: from Redis where it knows them, else as Postgres has written them down. */
import { z } from "zod";
import type { Overview } from "../../domain/api.ts";
import { phaseOf, saleTimes } from "../../domain/phase.ts";
import { modes } from "../../domain/mode.ts";
import { saleSchema } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { snapshotPhase, tick, type SaleSnapshot } from "../queue/pulse.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import overviewSql from "./overview.sql";

const overviewRow = z.object({
  definition: saleSchema,
  mode: z.enum(modes),
  published: z.boolean(),
  settled: z.boolean(),
  stock: bigint,
  held: bigint,
  sold: bigint,
  discrepancies: bigint,
});
type Row = z.output<typeof overviewRow>;
type Line = Overview["sales"][number];

export async function readOverview(services: Services): Promise<Overview> {
  const rows = await services.postgres(overviewRow, overviewSql, []);
  const nowMs = Date.now();
  const sales = await Promise.all(rows.map((row) => lineOf(services, row, nowMs)));
  return { now: new Date(nowMs).toISOString(), sales };
}

async function lineOf(services: Services, row: Row, nowMs: number): Promise<Line> {
  const { definition: sale, mode, published, settled, stock, held, sold, discrepancies } = row;
  const times = saleTimes(sale);
  const told = {
    id: sale.id,
    name: sale.name,
    lobbyOpensAt: new Date(times.lobbyOpensAtMs).toISOString(),
    opensAt: sale.opensAt,
    closesAt: sale.closesAt,
    discrepancies,
  };
  const state = published && !settled ? await inRedis(services, sale.id) : "gone";
  if (typeof state === "string") {
    const phase = phaseOf(times, { mode, settled, soldOut: sold > 0 && sold === stock }, nowMs);
    return { ...told, phase, mode, stock, held, sold, line: null, redis: state };
  }
  const sum = (count: (item: SaleSnapshot["items"][number]) => number) =>
    state.items.reduce((all, item) => all + count(item), 0);
  return {
    ...told,
    phase: snapshotPhase(state),
    mode: state.mode,
    stock: sum((item) => item.stock),
    held: sum((item) => item.held),
    sold: sum((item) => item.confirmed),
    line: { joined: state.joined, waiting: state.waiting, inside: state.inside },
    redis: "knows",
  };
}

async function inRedis(
  services: Services,
  saleId: string,
): Promise<SaleSnapshot | "missing" | "unavailable"> {
  try {
    return (await tick(services, saleId)) ?? "missing";
  } catch (error) {
    if (error instanceof Unavailable) return "unavailable";
    throw error;
  }
}
