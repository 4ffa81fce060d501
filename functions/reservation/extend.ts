/** More time for a hold, once: the one place where a shopper moves a limit of time (WCAG 2.2.1, as far as it is fair to the line). */
import { z } from "zod";
import type { Reservation } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { PassClaims } from "../../domain/token.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import extendLua from "./extend.lua";
import { recordJson, reservationOf } from "./record.ts";

export const extendScript = {
  name: "extend",
  source: extendLua,
  reply: z.union([
    z.tuple([z.enum(["again", "extended"]), recordJson]),
    z.tuple([z.enum(["missing", "not_found", "already_confirmed", "reservation_expired", "closed"])]),
  ]),
} satisfies Script<unknown>;

type ExtendRefusal = Refusal<
  "not_found" | "on_hold" | "already_confirmed" | "reservation_expired" | "closed"
>;

/** @returns the hold with its new end, now or from before */
export async function extendReservation(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<Reservation | ExtendRefusal> {
  const keys = saleKeys(pass.sale);
  const reply = await runScript(
    services.redis,
    extendScript,
    [keys.sale, keys.inside, keys.reservations, keys.holds, keys.outbox],
    ["", id, pass.shopper],
  );
  switch (reply[0]) {
    case "missing":
      return await missing(services, pass.sale);
    case "not_found":
    case "already_confirmed":
    case "reservation_expired":
    case "closed":
      return refuse(reply[0]);
    case "again":
    case "extended":
      services.later(drainSoon(services, pass.sale));
      return reservationOf(reply[1], Date.now());
  }
}
