/** What Postgres says of a sale to who publishes it, for tests in which it has no other part. */
import { z } from "zod";
import type { Mode } from "../../domain/mode.ts";
import { slotsBySku, type Sale } from "../../domain/sale.ts";
import createSql from "../../functions/sale/create.sql";
import publishableSql from "../../functions/sale/publishable.sql";
import type { Services } from "../../functions/services.ts";

export interface Stored {
  epoch: number;
  mode: Mode;
  releaseSize: number | null;
  drawSeed: string | null;
  drawCount: number | null;
  numbersUntil: number;
  nowServing: number;
  slotsGiven: number | null;
  /** sku → units; of slots, those set aside when the sale was created, if not said */
  slots?: Record<string, number>;
  held: Record<string, number>;
  confirmed: Record<string, number>;
}

const ofNew: Stored = {
  epoch: 1,
  mode: "normal",
  releaseSize: null,
  drawSeed: null,
  drawCount: null,
  numbersUntil: 0,
  nowServing: 0,
  slotsGiven: null,
  held: {},
  confirmed: {},
};

/** A Postgres that takes every sale for new, or knows the one that is given as it says. */
export function postgresSaying(known?: { definition: Sale; stored: Partial<Stored> }): Services["postgres"] {
  const sales = new Map<string, { definition: Sale; stored: Partial<Stored> }>();
  if (known !== undefined) sales.set(known.definition.id, known);
  return (row, statement, params) => {
    const id = String(params[0]);
    const answer = () => {
      if (statement === createSql) {
        const drawSeed = z.string().nullable().parse(params[2]);
        sales.set(id, { definition: JSON.parse(String(params[1])) as Sale, stored: { drawSeed } });
        return [{ created: true, same: true, published: false }];
      }
      const sale = sales.get(id);
      return statement === publishableSql && sale !== undefined ? [publishable(sale)] : [];
    };
    return Promise.resolve(z.array(row).parse(answer()));
  };
}

function publishable({ definition, stored }: { definition: Sale; stored: Partial<Stored> }) {
  const all = { ...ofNew, ...stored };
  return {
    definition,
    epoch: all.epoch,
    mode: all.mode,
    release_size: all.releaseSize,
    draw_seed: all.drawSeed,
    draw_count: all.drawCount,
    numbers_until: all.numbersUntil,
    now_serving: all.nowServing,
    slot_seed: null,
    slot_draw_count: null,
    slots_given: all.slotsGiven,
    items: definition.items.map(({ sku, stock }) => ({
      sku,
      stock,
      slots: all.slots?.[sku] ?? slotsBySku(definition).get(sku) ?? 0,
      held: all.held[sku] ?? 0,
      confirmed: all.confirmed[sku] ?? 0,
    })),
  };
}
