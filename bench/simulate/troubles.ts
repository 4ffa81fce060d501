/** What goes wrong with single requests, drawn so that rare steps are hit as often as common ones. */
import { shuffled, weighted, wholeBetween, type Random } from "../rehearse/random.ts";
import { troubleKinds, type Trouble } from "./network.ts";
import { steps, type StepInfo } from "./step-list.ts";

const MOST = 14;
/** What seldom happens is planned for in so many sales each; in most of them it does not happen. */
const SHARES = { seldom: 0.5, rare: 0.85 };
const FEW_TIMES = 3;

/** Steps that happen often are hit anywhere, rare ones the first few times. */
export function troublesFor(random: Random, shoppers: number): Trouble[] {
  const common = shuffled(
    random,
    steps.filter(({ comes }) => comes === "often" || comes === "few"),
  ).slice(0, wholeBetween(random, 2, MOST));
  const seldom = steps.filter(
    ({ comes }) => (comes === "seldom" || comes === "rare") && random() < SHARES[comes],
  );
  return [...common, ...seldom].map((step): Trouble => {
    const nthMax = step.comes === "often" ? shoppers : step.comes === "few" ? FEW_TIMES : 1;
    return { step: step.name, nth: wholeBetween(random, 1, nthMax), kind: kindFor(random, step) };
  });
}

export const kindFor = (random: Random, { name }: StepInfo) =>
  weighted(random, troubleKinds as unknown as [Trouble["kind"], ...Trouble["kind"][]], (kind) =>
    impossible(name, kind) === undefined ? 1 : 0,
  );

/** Why a kind cannot hit a step; these cells of the coverage are empty. Undefined where it can. */
export function impossible(step: string, kind: Trouble["kind"]): string | undefined {
  if (kind === "fails_after" && !step.startsWith("stripe "))
    return "only Stripe does something and answers 500";
  if (kind === "fails_after" && / (read|list|find|look)/.test(step)) return "it changes nothing";
  if (kind.startsWith("crash") && step.startsWith("shop "))
    return "whose browser dies never comes back: a habit";
  return undefined;
}
