/** How often the shop asks Stripe what: counted where the double looks for faults, which it does for every request. */
import type { StripeDouble } from "../../dev/stripe/server.ts";

/** By method and path, with `:id` for ids. */
export type StripeRequests = Record<string, number>;

/** @returns counts from now on; call it once for a double */
export function countStripeRequests({ faults }: Pick<StripeDouble, "faults">): () => StripeRequests {
  const counts: StripeRequests = {};
  const take = faults.take.bind(faults);
  faults.take = (subject) => {
    const [method = "", path = ""] = subject.split(" ");
    const call = `${method} ${path.replace(/\/(?:cs_test|pi|re|evt)_\w+/, "/:id").replace("/v1/", "")}`;
    counts[call] = (counts[call] ?? 0) + 1;
    return take(subject);
  };
  return () => ({ ...counts });
}

export const requestsSince = (
  before: Record<string, number>,
  after: Record<string, number>,
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after).flatMap(([call, count]) => {
      const more = count - (before[call] ?? 0);
      return more === 0 ? [] : [[call, more]];
    }),
  );
