/** The line: joining, leaving, and coming in. */
import { z } from "zod";
import type { PassAnswer, TicketAnswer } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { TicketClaims } from "../../domain/token.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import enterLua from "./enter.lua";
import joinLua from "./join.lua";
import leaveLua from "./leave.lua";
import { tickIfDue } from "./pulse.ts";

const joinWord = z.enum(["missing", "again", "on_hold", "not_open", "closed", "sold_out", "joined"]);
export const joinScript: Script<[z.output<typeof joinWord>, number, number, number, number]> = {
  name: "join",
  source: joinLua,
  reply: z.tuple([joinWord, z.number(), z.number(), z.number(), z.number()]),
};

const leaveWord = z.enum(["missing", "left"]);
export const leaveScript: Script<[z.output<typeof leaveWord>]> = {
  name: "leave",
  source: leaveLua,
  reply: z.tuple([leaveWord]),
};

const enterWord = z.enum([
  "missing",
  "closed",
  "on_hold",
  "again",
  "entered",
  "sold_out",
  "invalid_ticket",
  "not_your_turn",
]);
export const enterScript: Script<[z.output<typeof enterWord>, number, number, number, number, number]> = {
  name: "enter",
  source: enterLua,
  reply: z.tuple([enterWord, z.number(), z.number(), z.number(), z.number(), z.number()]),
};

type JoinRefusal = Refusal<"not_found" | "on_hold" | "not_open" | "closed" | "sold_out">;
type EnterRefusal = Refusal<
  "not_found" | "on_hold" | "closed" | "sold_out" | "invalid_ticket" | "not_your_turn"
>;

/**
 * Takes a place in line for a shopper, or finds the one they have.
 * @param old a valid ticket the shopper brought along: after a loss of Redis it brings back its number
 */
export async function joinQueue(
  services: Services,
  saleId: string,
  shopper: string,
  old: TicketClaims | undefined,
): Promise<{ created: boolean; answer: TicketAnswer } | JoinRefusal> {
  const keys = saleKeys(saleId);
  const [word, number, epoch, nowMs, nextTickMs] = await runScript(
    services.redis,
    joinScript,
    [keys.sale, keys.waitlist, keys.released],
    ["", shopper, old?.number ?? 0, old?.epoch ?? 0],
  );
  switch (word) {
    case "missing":
      return await missing(services, saleId);
    case "not_open":
      return refuse("not_open", { retryAfterSeconds: (number - nowMs) / 1000 });
    case "on_hold":
    case "closed":
    case "sold_out":
      return refuse(word);
    case "again":
    case "joined": {
      tickIfDue(services, saleId, nowMs, nextTickMs);
      // The time of a place that was there before is that of its ticket, where the shopper still has it.
      const joinedAtMs = word === "again" && old?.number === number ? old.joinedAtMs : nowMs;
      const ticket = await services.keys.sign({
        kind: "ticket",
        sale: saleId,
        shopper,
        number,
        epoch,
        joinedAtMs,
      });
      return {
        created: word === "joined",
        answer: { ticket, number, joinedAt: new Date(joinedAtMs).toISOString() },
      };
    }
  }
}

/** Gives up the place; a live reservation is untouched. */
export async function leaveQueue(
  services: Services,
  ticket: TicketClaims,
): Promise<{ left: true } | Refusal<"not_found" | "on_hold">> {
  const keys = saleKeys(ticket.sale);
  const [word] = await runScript(
    services.redis,
    leaveScript,
    [keys.sale, keys.waitlist, keys.released, keys.inside, keys.shoppers, keys.holds],
    [ticket.shopper],
  );
  return word === "missing" ? await missing(services, ticket.sale) : { left: true };
}

/** Turns a ticket whose turn has come into a pass. */
export async function enterSale(
  services: Services,
  ticket: TicketClaims,
): Promise<{ created: boolean; answer: PassAnswer } | EnterRefusal> {
  const keys = saleKeys(ticket.sale);
  const [word, number, epoch, nowMs, passExpiresAtMs, nextTickMs] = await runScript(
    services.redis,
    enterScript,
    [keys.sale, keys.waitlist, keys.released, keys.inside, keys.stock, keys.holds],
    ["", ticket.shopper, ticket.number, ticket.epoch],
  );
  switch (word) {
    case "missing":
      return await missing(services, ticket.sale);
    case "not_your_turn":
      tickIfDue(services, ticket.sale, nowMs, nextTickMs);
      return refuse(word, { retryAfterSeconds: (nextTickMs - nowMs) / 1000 });
    case "closed":
    case "on_hold":
    case "sold_out":
    case "invalid_ticket":
      return refuse(word);
    case "again":
    case "entered": {
      const { sale, shopper } = ticket;
      const pass = await services.keys.sign({
        kind: "pass",
        sale,
        shopper,
        number,
        epoch,
        expiresAtMs: passExpiresAtMs,
      });
      return {
        created: word === "entered",
        answer: { pass, expiresAt: new Date(passExpiresAtMs).toISOString() },
      };
    }
  }
}
