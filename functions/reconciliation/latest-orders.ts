/** Whose order is given back where more was confirmed than there is: the latest confirmed, then the highest number. */
import { z } from "zod";
import { bigint } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import type { Looking } from "./snapshot.ts";

const orderRow = z.object({ id: z.string(), total: bigint, units: bigint });

/** @returns orders of a sku, the latest first, until their units come to `excess` */
export async function latestOrders(
  services: Services,
  { run }: Looking,
  sku: string,
  excess: number,
): Promise<z.output<typeof orderRow>[]> {
  return await services.postgres(
    orderRow,
    `select id, total, units
       from (select id, (record ->> 'total')::bigint as total, line.quantity as units,
                    coalesce(sum(line.quantity) over (
                      order by coalesce(record ->> 'confirmedAtMs', record ->> 'changedAtMs')::numeric desc,
                               (record ->> 'number')::bigint desc, id desc
                      rows between unbounded preceding and 1 preceding), 0) as before
               from snapshot_records,
                    jsonb_to_recordset(record -> 'lines') as line (sku text, quantity bigint)
              where run_id = $1 and record ->> 'state' = 'confirmed' and line.sku = $2) as confirmed
      where before < $3
      order by before`,
    [run, sku, excess],
  );
}
