/** What is held against slots and identity in Redis: who may come past the line and once, and whose units wait for them. */
import type { Judge } from "./judge.ts";
import type { Seen } from "./reading.ts";
import type { Registrations } from "./registrations.ts";

interface Called {
  step: string;
  argv: string[];
  word: string | undefined;
}

export function holdSlots(
  judge: Judge,
  registrations: Registrations,
  called: Called,
  before: Seen,
  after: Seen,
): void {
  holdIdentity(judge, registrations, called, before, after);
  if (judge.sale.slots === undefined) return;
  for (const shopper of after.claims.keys())
    if (!before.claims.has(shopper) && !registrations.holders.has(shopper))
      judge.violate("slots", `${shopper} uses a slot, and has none`);
  holdUse(judge, registrations, called, before, after);
  holdSetAside(judge, called, after);
}

/** Where people are known by an address, only those who confirmed it are in line or hold anything. */
function holdIdentity(
  judge: Judge,
  { confirmed }: Registrations,
  { step, argv, word }: Called,
  before: Seen,
  after: Seen,
): void {
  if (judge.sale.identity !== "registered") return;
  for (const [was, is] of [
    [before.waiting, after.waiting],
    [before.lobby, after.lobby],
    [before.released, after.released],
  ] as const)
    for (const shopper of is.keys())
      if (!was.has(shopper) && !confirmed.has(shopper))
        judge.violate("list", `${shopper} is in line without a confirmed address`);
  if (step === "reservation/reserve" && word === "held" && !confirmed.has(argv[2] ?? ""))
    judge.violate("list", `${argv[2] ?? ""} holds without a confirmed address`);
}

/** A slot is good for one unit, once, from opening until it ends; and then it is. */
function holdUse(
  judge: Judge,
  registrations: Registrations,
  { step, argv, word }: Called,
  before: Seen,
  after: Seen,
): void {
  const [, id = "", shopper = "", , epoch, passEndsAtMs, text = "[]", bySlot] = argv;
  if (step !== "reservation/reserve" || bySlot !== "1") return;
  const lines = JSON.parse(text) as { sku: string; quantity: number }[];
  const now = judge.redisNowMs();
  if (word === "held") {
    if (before.claims.has(shopper)) judge.violate("slots", `${shopper} uses a slot again`);
    if (now >= before.claimUntilMs) judge.violate("slots", `${shopper} uses a slot that has ended`);
    if (after.claims.get(shopper) !== id) judge.violate("slots", `${id} does not stand by ${shopper}'s slot`);
    if (lines.reduce((sum, { quantity }) => sum + quantity, 0) !== 1)
      judge.violate("slots", `${shopper} holds ${text} by a slot`);
    const used = [...judge.knowledge.records.values()].filter(
      (record) =>
        record.shopper === shopper &&
        record.slotUntilMs !== undefined &&
        record.state !== "released" &&
        record.state !== "expired",
    );
    if (used.length > 1 && !judge.wasRolledBack)
      judge.violate("slots", `${shopper} used a slot for ${used.map((record) => record.id).join()}`);
  }
  const [line] = lines;
  const isGood =
    registrations.hasSlot(shopper) &&
    !before.claims.has(shopper) &&
    epoch === after.epoch &&
    Number(passEndsAtMs) > now &&
    now < before.claimUntilMs;
  const isThere =
    line?.quantity === 1 && lines.length === 1 && (before.stock.get(`slots:${line.sku}`) ?? 0) > 0;
  if (isGood && (word === "pass_expired" || (word === "sold_out" && isThere)))
    judge.violate("slots", `${shopper}, whose slot is good, hears ${word}`);
}

/** For every slot that may still be used there is a unit; once they have ended there is none. */
function holdSetAside(judge: Judge, { step, word }: Called, after: Seen): void {
  const setAside = after.stock.get("slots") ?? 0;
  const hasEnded = judge.redisNowMs() >= after.claimUntilMs;
  if (step === "registration/return-slots" && word === "returned" && hasEnded && setAside !== 0)
    judge.violate("slots", `${setAside} are set aside after the slots have ended`);
  judge.knowledge.haveSlotsEnded ||= hasEnded;
  if (
    judge.knowledge.haveSlotsEnded ||
    judge.wasRolledBack ||
    after.epoch !== "1" ||
    after.slotsGiven === undefined
  )
    return;
  const due = Math.max(0, after.slotsGiven - after.claims.size);
  if (setAside < due) judge.violate("slots", `${setAside} are set aside for ${due} slots`);
  if (step === "registration/return-slots" && setAside !== due)
    judge.violate("slots", `${setAside} stay set aside for ${due} slots`);
}
