/** What is held against the line: places, who is called and comes in, and who may hold. */
import { placeOf } from "../../static/assets/draw.js";
import type { Judge } from "./judge.ts";
import type { Seen } from "./reading.ts";

/** Everybody keeps their place, and who is called is who came first. */
export async function holdLine(
  judge: Judge,
  step: string,
  argv: string[],
  word: string | undefined,
  before: Seen,
  after: Seen,
): Promise<void> {
  const leaving = step === "queue/leave" ? argv[0] : undefined;
  for (const places of [before.waiting, before.released, before.lobby])
    for (const [shopper, number] of places) {
      if (shopper === leaving) continue;
      const is = after.waiting.get(shopper) ?? after.released.get(shopper);
      if (is === undefined && !after.lobby.has(shopper)) judge.violate("line", `${shopper} lost their place`);
      else if (is !== undefined && is !== number && places !== before.lobby)
        judge.violate("line", `${shopper} had number ${number}, has ${is}`);
    }
  if (after.nowServing < before.nowServing) judge.violate("line", "the line went backwards");

  if (word === "joined") {
    const mine = (shopper: string) => after.waiting.get(shopper) ?? after.lobby.get(shopper);
    const fresh = [...after.waiting.keys(), ...after.lobby.keys()].filter(
      (shopper) => !before.waiting.has(shopper) && !before.lobby.has(shopper),
    );
    const [, , , , oldShopper = "", oldNumber = "0"] = argv;
    for (const shopper of fresh) {
      const number = mine(shopper) ?? 0;
      const isOld = oldShopper === shopper && number === Number(oldNumber);
      if (number <= judge.knowledge.highest && !isOld && !(after.drawn > 0 && number > after.drawn))
        judge.violate("line", `${shopper} got number ${number}, ${judge.knowledge.highest} was given before`);
    }
    const numbers = [...after.waiting.values(), ...after.released.values()];
    if (!judge.wasRolledBack && new Set(numbers).size < numbers.length)
      judge.violate("line", "two have the same number");
  }
  judge.knowledge.highest = Math.max(
    judge.knowledge.highest,
    ...after.waiting.values(),
    ...after.lobby.values(),
  );

  if (step !== "queue/release") return;
  const called = [...after.released].filter(([shopper]) => !before.released.has(shopper));
  if (called.length === 0) return;
  const everyMs = judge.sale.releaseEverySeconds * 1000;
  const tick = Math.floor((judge.redisNowMs() - after.opensAtMs) / everyMs);
  if (after.mode === "normal" && called.length > before.releaseSize * Math.max(0, tick - before.lastTick))
    judge.violate(
      "once",
      `${called.length} are called in tick ${tick}, after tick ${before.lastTick} was released`,
    );
  const places = await Promise.all(
    [...after.lobby.values()].map((number) => placeOf(after.seed, after.drawn, number)),
  );
  const next = Math.min(...after.waiting.values(), ...places);
  for (const [shopper, number] of called)
    if (number > next) judge.violate("line", `${shopper} was called with ${number} before number ${next}`);
}

export function holdAnswer(
  judge: Judge,
  step: string,
  argv: string[],
  word: string | undefined,
  number: number,
  before: Seen,
  after: Seen,
): void {
  if (
    (step === "queue/release" || step === "queue/enter") &&
    after.mode !== "passthrough" &&
    after.inside.size > Math.max(after.capacity, before.inside.size)
  )
    judge.violate("room", `${after.inside.size} are inside, ${after.capacity} at most`);
  if (word === "entered") {
    const [, shopper = "", , epoch] = argv;
    if (epoch !== after.epoch)
      judge.violate("closed", `${shopper} came in with a ticket of epoch ${epoch ?? ""}`);
    if (!before.released.has(shopper) && number > before.nowServing)
      judge.violate("room", `${shopper} came in before their turn`);
  }
  if (step !== "reservation/reserve" || (word !== "held" && word !== "again")) return;
  const [, id = "", shopper = "", , epoch, , lines = "", bySlot] = argv;
  const asked = `${shopper} ${lines}`;
  const first = judge.knowledge.answers.get(id);
  if (word === "held") {
    if (epoch !== after.epoch) judge.violate("closed", `${shopper} holds by a pass of epoch ${epoch ?? ""}`);
    if (bySlot !== "1" && !before.inside.has(shopper))
      judge.violate("closed", `${shopper} holds from outside`);
    if (after.mode === "reject") judge.violate("closed", `${shopper} holds while the mode is reject`);
  }
  if (first !== undefined && first !== asked) judge.violate("once", `${id} was answered for something else`);
  judge.knowledge.answers.set(id, asked);
}
