/** Holds on stock: taken, read, given back. What becomes of a hold that is paid for is the checkout's. */
import { z } from "zod";
import type { Reservation, ReservationInput } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { PassClaims } from "../../domain/token.ts";
import { closePayment } from "../checkout/payment.ts";
import { persist, runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { settleSlotsNow } from "../registration/slots.ts";
import { restorableRow } from "../sale/rebuild.ts";
import restorableSql from "../sale/restorable.sql";
import { missing, readSale } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import { expireHolds } from "./expire.ts";
import { recordJson, reservationOf, type Record } from "./record.ts";
import releaseLua from "./release.lua";
import reserveLua from "./reserve.lua";

export const reserveScript = {
  name: "reserve",
  source: reserveLua,
  reply: z.union([
    z.tuple([z.enum(["again", "held"]), recordJson]),
    z.tuple([
      z.enum([
        "conflicting_replay",
        "missing",
        "on_hold",
        "invalid_pass",
        "closed",
        "pass_expired",
        "expire_first",
        "return_first",
      ]),
    ]),
    z.tuple([z.literal("rate_limited"), z.number()]),
    z.tuple([z.literal("limit_reached"), z.string(), z.string()]),
    z.tuple([z.literal("unknown_sku"), z.string()]),
    z.tuple([z.literal("sold_out"), z.array(z.union([z.string(), z.number()]))]),
  ]),
} satisfies Script<unknown>;

export const releaseScript = {
  name: "release-reservation",
  source: releaseLua,
  reply: z.union([
    z.tuple([z.enum(["not_found", "already_confirmed", "again", "released"])]),
    z.tuple([z.literal("paying"), recordJson]),
  ]),
} satisfies Script<unknown>;

type ReserveRefusal = Refusal<
  | "rate_limited"
  | "not_found"
  | "on_hold"
  | "closed"
  | "sold_out"
  | "limit_reached"
  | "conflicting_replay"
  | "invalid_pass"
  | "pass_expired"
  | "invalid_input"
  | "unavailable"
>;

/** How often one call ends holds that stand in its way, or returns slots, and tries again. */
const AGAIN_MAX = 3;

/** Holds units. The id is the client's and makes the call repeatable. */
export async function reserve(
  services: Services,
  pass: PassClaims,
  input: ReservationInput,
): Promise<{ created: boolean; answer: Reservation } | ReserveRefusal> {
  const keys = saleKeys(pass.sale);
  const call = () =>
    runScript(
      services.redis,
      reserveScript,
      [
        keys.sale,
        keys.stock,
        keys.inside,
        keys.reservations,
        keys.shoppers,
        keys.holds,
        keys.claims,
        keys.outbox,
      ],
      [
        "",
        input.reservationId,
        pass.shopper,
        pass.number,
        pass.epoch,
        pass.expiresAtMs,
        JSON.stringify(summedBySku(input.lines)),
        pass.slot === true ? "1" : "",
      ],
    );
  let reply = await call();
  for (let again = 0; again < AGAIN_MAX; again++) {
    if (reply[0] === "expire_first") await expireHolds(services, pass.sale);
    else if (reply[0] === "return_first") await settleSlotsNow(services, pass.sale);
    else break;
    reply = await call();
  }
  switch (reply[0]) {
    case "again":
    case "held":
      services.later(drainSoon(services, pass.sale));
      return { created: reply[0] === "held", answer: reservationOf(reply[1], Date.now()) };
    case "rate_limited":
      return refuse("rate_limited", { retryAfterSeconds: reply[1] / 1000 });
    case "missing":
      return await missing(services, pass.sale);
    case "unknown_sku": {
      const [, sku] = reply;
      const index = input.lines.findIndex((line) => line.sku === sku);
      return refuse("invalid_input", {
        errors: [{ pointer: `/lines/${index}/sku`, detail: `this sale has no "${sku}"` }],
      });
    }
    case "limit_reached": {
      const [, sku, live] = reply;
      const detail = pass.slot === true ? "A slot is for one unit." : `The limit for "${sku}" is reached.`;
      return live === ""
        ? refuse("limit_reached", { detail })
        : refuse("limit_reached", { detail: "One live reservation at a time.", reservationId: live });
    }
    case "sold_out": {
      const flat = reply[1];
      const left = input.lines.map(({ sku }) => ({
        sku,
        left: Math.max(0, Number(flat[flat.indexOf(sku) + 1])),
      }));
      return refuse("sold_out", {
        left: left.filter((line, i) => left.findIndex((l) => l.sku === line.sku) === i),
      });
    }
    case "expire_first":
    case "return_first":
      // Each time something had just ended: the client's next call will find their units.
      return refuse("unavailable", { retryAfterSeconds: 1 });
    case "conflicting_replay":
    case "on_hold":
    case "invalid_pass":
    case "closed":
    case "pass_expired":
      return refuse(reply[0]);
  }
}

/**
 * One's own record; another's is none.
 * @throws {Unavailable} a store that has to be asked does not answer: nobody is told that what they have is gone
 */
export async function readRecord(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<Record | Refusal<"not_found" | "on_hold">> {
  const { reservations } = saleKeys(pass.sale);
  const text = await persist("HGET", () => services.redis.hget<string>(reservations, id));
  const record = text === null ? await storedRecord(services, pass.sale, id) : recordJson.parse(text);
  if (record === undefined) return await noRecord(services, pass.sale);
  return record.shopper === pass.shopper ? record : refuse("not_found");
}

/** What Postgres has of a record that Redis has lost, or forgotten since the sale was settled. Of holds it is no judge. */
async function storedRecord(services: Services, sale: string, id: string): Promise<Record | undefined> {
  const [stored] = await services.postgres(restorableRow, restorableSql, [sale, null, 1, id]);
  return stored?.state === "held" ? undefined : stored;
}

/** An empty Redis has no reservations either, but that says nothing of this one. */
const noRecord = async (services: Services, sale: string) =>
  (await readSale(services, sale)) === undefined ? await missing(services, sale) : refuse("not_found");

/** Gives units back before their hold ends. A payment that began for them is closed first, or counts if it was made. */
export async function releaseReservation(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<{ released: true } | Refusal<"not_found" | "on_hold" | "already_confirmed" | "payment_pending">> {
  const keys = saleKeys(pass.sale);
  const release = (closed: "" | "1") =>
    runScript(
      services.redis,
      releaseScript,
      [
        keys.stock,
        keys.inside,
        keys.released,
        keys.reservations,
        keys.shoppers,
        keys.holds,
        keys.claims,
        keys.outbox,
      ],
      ["", id, pass.shopper, closed],
    );
  let reply = await release("");
  if (reply[0] === "paying") {
    const closing = await closePayment(services, pass.sale, reply[1]);
    if (closing === "pending") return refuse("payment_pending");
    reply = await release("1");
  }
  switch (reply[0]) {
    case "paying":
      throw new Error("release.lua gives back what is not paid for any more");
    case "not_found":
      return await noRecord(services, pass.sale);
    case "already_confirmed":
      return refuse(reply[0]);
    case "released":
    case "again":
      services.later(drainSoon(services, pass.sale));
      return { released: true };
  }
}

/** Quantities summed per sku, in the order of the skus: the same wish always reads the same. */
export function summedBySku(lines: ReservationInput["lines"]): ReservationInput["lines"] {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return [...sums].map(([sku, quantity]) => ({ sku, quantity })).sort((a, b) => (a.sku < b.sku ? -1 : 1));
}
