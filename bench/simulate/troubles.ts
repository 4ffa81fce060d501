/** What goes wrong with single requests, drawn so that rare steps are hit as often as common ones. */
import { shuffled, weighted, wholeBetween, type Random } from "../rehearse/random.ts";
import { troubleKinds, type Trouble } from "./network.ts";
import { steps, type StepInfo } from "./step-list.ts";

/** What only happens where the operator does this. */
const behindDeeds: { [deed: string]: string[] } = {
  refund: ["stripe refund", "stripe look for refund", "sql checkout/refund-done", "redis checkout/refund"],
  top_up: ["redis sale/top-up"],
  rebuild: ["redis sale/restore", "sql sale/rebuild-epoch", "sql sale/rebuild-cursor"],
};

/** Steps that happen often are hit anywhere, rare ones the first few times, those behind the operator's deeds more often. */
export function troublesFor(
  random: Random,
  { shoppers, isPriced, does }: { shoppers: number; isPriced: boolean; does: ReadonlySet<string> },
): Trouble[] {
  const possible = steps.filter(({ needs }) => needs !== "payments" || isPriced);
  const count = wholeBetween(random, 2, 14);
  const near = [...does].flatMap((deed) => behindDeeds[deed] ?? []);
  const wished = steps.filter(({ name }) => near.includes(name) && random() < 0.4);
  return [...wished, ...shuffled(random, possible).slice(0, count)].map((step): Trouble => {
    const nthMax = near.includes(step.name) ? 1 : step.often ? shoppers : 3;
    return { step: step.name, nth: wholeBetween(random, 1, nthMax), kind: kindFor(random, step) };
  });
}

const kindFor = (random: Random, { name }: StepInfo) =>
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
