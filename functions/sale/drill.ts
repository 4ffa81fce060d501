/**
 * A drill of the worst case on a rehearsal: Redis loses the sale in the midst of it. What follows is the operator's to do,
 * as if it had happened by itself.
 */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { missing } from "./sale.ts";

/** Only sales whose id begins so may be lost on purpose. */
export const REHEARSAL_PREFIX = "rehearsal-";

export async function drill(
  services: Services,
  saleId: string,
): Promise<{ lost: true } | Refusal<"not_found" | "on_hold" | "not_a_rehearsal">> {
  if (!saleId.startsWith(REHEARSAL_PREFIX)) return refuse("not_a_rehearsal");
  const keys = saleKeys(saleId);
  if ((await persist("HEXISTS", () => services.redis.hexists(keys.sale, "epoch"))) === 0)
    return await missing(services, saleId);
  await services.postgres(
    z.unknown(),
    "insert into audit_log (action, actor, sale_id) select 'drill', $2, id from sales where id = $1",
    [saleId, services.actor],
  );
  await persist("UNLINK", () => services.redis.unlink(...Object.values(keys)));
  return { lost: true };
}
