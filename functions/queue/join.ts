/** One call of join.lua, for one shopper or for many: what goes into it and what comes back. */
import { z } from "zod";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import joinLua from "./join.lua";

/** Who wants a place, as the script takes it; `""` for what there is not. */
export interface Wish {
  shopper: string;
  registered: string;
  account: string;
  /** A ticket brought along. */
  old?: { shopper: string; number: number; epoch: number; inLobby: boolean } | undefined;
  failedCheck: boolean;
}

const joinWord = z.enum([
  "missing",
  "registration_needed",
  "login_needed",
  "rate_limited",
  "again",
  "on_hold",
  "not_open",
  "closed",
  "sold_out",
  "ghost",
  "place_first",
  "joined",
]);
const identity = z.enum(["", "anyone", "registered", "account"]);
const joinReplies = z
  .tuple([
    z.array(z.tuple([joinWord, z.number(), identity, z.enum(["", "1"])])),
    z.number(),
    z.number(),
    z.number(),
    z.number(),
    z.number(),
    z.string(),
    z.number(),
  ])
  .transform(([answers, epoch, nowMs, nextTickMs, closesAtMs, drawn, seed, joinShards]) =>
    answers.map(([word, number, identity, lobby]) => ({
      word,
      number,
      identity: identity === "" ? ("anyone" as const) : identity,
      inLobby: lobby === "1",
      epoch,
      nowMs,
      nextTickMs,
      closesAtMs,
      drawn,
      seed,
      joinShards,
    })),
  );
export type JoinReply = z.output<typeof joinReplies>[number];
export const joinScript: Script<JoinReply[]> = { name: "join", source: joinLua, reply: joinReplies };

/** What join.lua takes in a call, at the most. */
export const JOINS_MAX = 500;

/**
 * Places for all of them, in their order; each is answered as if it had called alone.
 * @param wishes `JOINS_MAX` at the most
 * @throws {Unavailable} Redis did not answer; it may have done it all the same, and a repetition finds that
 */
export async function joinAll(
  { redis }: Pick<Services, "redis">,
  saleId: string,
  wishes: Wish[],
): Promise<JoinReply[]> {
  const keys = saleKeys(saleId);
  const replies = await runScript(
    redis,
    joinScript,
    [keys.sale, keys.waitlist, keys.lobby, keys.released, keys.shoppers],
    ["", ...wishes.flatMap(argumentsOf)],
  );
  if (replies.length !== wishes.length) throw new Error("join.lua answers each of those who join");
  return replies;
}

/** The eight values of one who joins. */
export const argumentsOf = ({
  shopper,
  registered,
  account,
  old,
  failedCheck,
}: Wish): (string | number)[] => [
  shopper,
  registered,
  account,
  old?.shopper ?? "",
  old?.number ?? 0,
  old?.epoch ?? 0,
  old?.inLobby === true ? "1" : "",
  failedCheck ? "1" : "",
];
