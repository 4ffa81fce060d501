/** The gateway's own paths, for rehearsals and tests in another process: figures, fault switches, losing everything. */
import { faultSchema, type Faults } from "../faults.ts";
import type { GatewayStats } from "./billing.ts";
import { BadRequest } from "./request.ts";

export interface ControlContext {
  faults: Faults;
  stats: () => Promise<GatewayStats>;
  resetStats: () => Promise<void>;
  wipe: () => Promise<void>;
}

/**
 * @returns what to answer as JSON: `GET /_gateway/stats`, `POST /_gateway/stats/reset` (the figures from then on),
 *   `GET`, `POST` (one rule) and `DELETE` (all) `/_gateway/faults` (the rules left), `POST /_gateway/wipe`
 * @throws {BadRequest} 404 for other paths and methods, 422 for a rule that is none
 */
export async function control(
  method: string,
  pathname: string,
  body: string,
  { faults, stats, resetStats, wipe }: ControlContext,
): Promise<object> {
  switch (`${method} ${pathname}`) {
    case "GET /_gateway/stats":
      return await stats();
    case "POST /_gateway/stats/reset":
      await resetStats();
      return await stats();
    case "GET /_gateway/faults":
      return faults.list();
    case "POST /_gateway/faults": {
      const rule = faultSchema.safeParse(parse(body));
      if (!rule.success) throw new BadRequest(422, rule.error.message);
      faults.add(rule.data);
      return faults.list();
    }
    case "DELETE /_gateway/faults":
      faults.clear();
      return faults.list();
    case "POST /_gateway/wipe":
      await wipe();
      return { result: "OK" };
    default:
      throw new BadRequest(404, "not found");
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
