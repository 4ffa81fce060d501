/** The line: joining, leaving, and coming in. */
import { z } from "zod";
import type { PassAnswer, TicketAnswer } from "../../domain/api.ts";
import { isRefusal, refuse, type Refusal } from "../../domain/refusal.ts";
import type { IdentityKind, TicketClaims } from "../../domain/token.ts";
import { placeOf } from "../../static/assets/draw.js";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { admit, SLOT_NUMBER } from "../registration/admit.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import enterLua from "./enter.lua";
import type { JoinReply } from "./join.ts";
import leaveLua from "./leave.lua";
import { tickIfDue } from "./pulse.ts";
import { join } from "./shards.ts";

const leaveWord = z.enum(["missing", "left"]);
export const leaveScript: Script<[z.output<typeof leaveWord>]> = {
  name: "leave",
  source: leaveLua,
  reply: z.tuple([leaveWord]),
};

const enterWord = z.enum([
  "missing",
  "closed",
  "outdated",
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

type JoinRefusal = Refusal<
  | "not_found"
  | "on_hold"
  | "not_open"
  | "closed"
  | "sold_out"
  | "slot_ended"
  | "registration_needed"
  | "login_needed"
  | "rate_limited"
  | "unavailable"
>;
type EnterRefusal = Refusal<
  | "not_found"
  | "on_hold"
  | "closed"
  | "sold_out"
  | "slot_ended"
  | "invalid_ticket"
  | "outdated_ticket"
  | "not_your_turn"
>;

/** Who wants a place, as far as the edge could see. Which of the ids counts is a rule of the sale. */
export interface Joining {
  /** By cookie; everybody has one. */
  shopper: string;
  registered?: string | undefined;
  account?: string | undefined;
  /** A valid ticket brought along: after a loss of Redis it brings back its number. */
  old?: TicketClaims | undefined;
  /** A bot check was made and not passed: such a one waits for ever, and is not told. */
  failedCheck?: boolean;
  /** The shopper with a slot; `asked` where it was shown for this call, and not only kept by the browser. */
  slot?: { shopper: string; asked: boolean } | undefined;
}

/** A ticket lives on for a day after the sale, so that whoever comes late hears that it has ended. */
const TICKET_LASTS_MS = 24 * 3_600_000;
/** Seconds between looks of somebody who waits for ever. */
const GHOST_RETRY_SECONDS = 5;

/** Takes a place in line for a shopper, or finds the one they have. */
export async function joinQueue(
  services: Services,
  saleId: string,
  joining: Joining,
): Promise<{ created: boolean; answer: TicketAnswer } | JoinRefusal> {
  const { old, failedCheck = false } = joining;
  const slot = joining.slot ?? (old?.slot === true ? { shopper: old.shopper, asked: false } : undefined);
  if (slot !== undefined) {
    const bySlot = await joinBySlot(services, saleId, slot.shopper);
    // Who had a slot once may take a place like everybody.
    if (slot.asked || !isRefusal(bySlot) || bySlot.refused !== "slot_ended") return bySlot;
  }
  // Who failed before is told the same number again.
  if (failedCheck && old?.ghost === true) return { created: false, answer: await ticketOf(services, old) };
  const reply = await replyTo(services, saleId, joining, old);
  if ("refused" in reply) return reply;
  const { word, epoch, nowMs, nextTickMs, closesAtMs, identity } = reply;
  switch (word) {
    case "missing":
      return await missing(services, saleId);
    case "not_open":
    case "rate_limited":
      return refuse(word, { retryAfterSeconds: (reply.number - nowMs) / 1000 });
    case "place_first":
      throw new Error("join.lua takes a place as it is");
    case "on_hold":
    case "closed":
    case "sold_out":
    case "registration_needed":
    case "login_needed":
      return refuse(word);
    case "again":
    case "ghost":
    case "joined": {
      tickIfDue(services, saleId, nowMs, nextTickMs);
      const isDrawn = reply.inLobby && reply.drawn > 0;
      const number = isDrawn ? await placeOf(reply.seed, reply.drawn, reply.number) : reply.number;
      const shopper = shopperBy(identity, joining);
      // The time of a place that was there before is that of its ticket, where the shopper still has it.
      const isOld =
        old?.shopper === shopper && (word === "again" || (word === "joined" && old.epoch < epoch));
      const answer = await ticketOf(services, {
        kind: "ticket",
        sale: saleId,
        shopper,
        identity,
        number,
        ...(reply.inLobby && !isDrawn ? { lobby: true } : {}),
        epoch,
        joinedAtMs: isOld ? old.joinedAtMs : nowMs,
        expiresAtMs: closesAtMs + TICKET_LASTS_MS,
        ...(word === "ghost" ? { ghost: true } : {}),
      });
      return { created: word !== "again", answer };
    }
  }
}

/** What the script says; a number of the lobby that was drawn meanwhile is shown again as its place. */
async function replyTo(
  services: Services,
  saleId: string,
  { shopper, registered = "", account = "", failedCheck = false }: Joining,
  old: TicketClaims | undefined,
): Promise<JoinReply | Refusal<"unavailable">> {
  const isPlace = old !== undefined && old.ghost !== true && old.slot !== true;
  const wish = { shopper, registered, account, failedCheck };
  const known = isPlace ? { ...old, inLobby: old.lobby === true } : undefined;
  const reply = await join(services, saleId, { ...wish, old: known });
  if ("refused" in reply || reply.word !== "place_first" || known === undefined) return reply;
  const number = await placeOf(reply.seed, reply.drawn, known.number);
  return await join(services, saleId, { ...wish, old: { ...known, number, inLobby: false } });
}

const shopperBy = (identity: IdentityKind, { shopper, registered, account }: Joining): string =>
  ({ anyone: shopper, registered: registered ?? shopper, account: account ?? shopper })[identity];

/** The place of a slot's holder, which waits for nobody, and the pass once there is one. */
async function joinBySlot(
  services: Services,
  saleId: string,
  shopper: string,
): Promise<{ created: boolean; answer: TicketAnswer } | JoinRefusal> {
  const admitted = await admit(services, saleId, shopper);
  if (isRefusal(admitted)) return admitted;
  const { epoch, nowMs, closesAtMs, pass } = admitted;
  const ticket = await ticketOf(services, {
    kind: "ticket",
    sale: saleId,
    shopper,
    identity: "registered",
    number: SLOT_NUMBER,
    slot: true,
    epoch,
    joinedAtMs: nowMs,
    expiresAtMs: closesAtMs + TICKET_LASTS_MS,
  });
  return { created: true, answer: { ...ticket, ...pass } };
}

async function ticketOf(services: Services, claims: TicketClaims): Promise<TicketAnswer> {
  const { number, epoch, lobby, joinedAtMs } = claims;
  return {
    ticket: await services.keys.sign(claims),
    number,
    joinedAt: new Date(joinedAtMs).toISOString(),
    epoch,
    ...(lobby === true ? { lobby } : {}),
  };
}

/** Gives up the place; a live reservation is untouched. */
export async function leaveQueue(
  services: Services,
  ticket: TicketClaims,
): Promise<{ left: true } | Refusal<"not_found" | "on_hold">> {
  if (ticket.ghost === true || ticket.slot === true) return { left: true };
  const keys = saleKeys(ticket.sale);
  const [word] = await runScript(
    services.redis,
    leaveScript,
    [keys.sale, keys.waitlist, keys.lobby, keys.released, keys.inside, keys.shoppers, keys.holds],
    [ticket.shopper],
  );
  return word === "missing" ? await missing(services, ticket.sale) : { left: true };
}

/** Turns a ticket whose turn has come into a pass. */
export async function enterSale(
  services: Services,
  ticket: TicketClaims,
): Promise<{ created: boolean; epoch: number; answer: PassAnswer } | EnterRefusal> {
  if (ticket.ghost === true) return refuse("not_your_turn", { retryAfterSeconds: GHOST_RETRY_SECONDS });
  if (ticket.slot === true) return await enterBySlot(services, ticket);
  const keys = saleKeys(ticket.sale);
  const [word, number, epoch, nowMs, passExpiresAtMs, nextTickMs] = await runScript(
    services.redis,
    enterScript,
    [keys.sale, keys.waitlist, keys.lobby, keys.released, keys.inside, keys.stock, keys.holds],
    ["", ticket.shopper, ticket.number, ticket.epoch],
  );
  switch (word) {
    case "missing":
      return await missing(services, ticket.sale);
    case "not_your_turn":
      tickIfDue(services, ticket.sale, nowMs, nextTickMs);
      return refuse(word, { retryAfterSeconds: (nextTickMs - nowMs) / 1000 });
    case "outdated":
      return refuse("outdated_ticket");
    case "closed":
    case "on_hold":
    case "sold_out":
    case "invalid_ticket":
      return refuse(word);
    case "again":
    case "entered": {
      const { sale, shopper, identity } = ticket;
      const pass = await services.keys.sign({
        kind: "pass",
        sale,
        shopper,
        identity,
        number,
        epoch,
        expiresAtMs: passExpiresAtMs,
      });
      return {
        created: word === "entered",
        epoch,
        answer: { pass, expiresAt: new Date(passExpiresAtMs).toISOString() },
      };
    }
  }
}

async function enterBySlot(
  services: Services,
  { sale, shopper, epoch: joinedIn }: TicketClaims,
): Promise<{ created: boolean; epoch: number; answer: PassAnswer } | EnterRefusal> {
  const admitted = await admit(services, sale, shopper);
  if (isRefusal(admitted)) return admitted;
  const { epoch, pass, opensAtMs, nowMs } = admitted;
  if (joinedIn !== epoch) return refuse("outdated_ticket");
  if (pass === undefined) return refuse("not_your_turn", { retryAfterSeconds: (opensAtMs - nowMs) / 1000 });
  return { created: true, epoch, answer: pass };
}
