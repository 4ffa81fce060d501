/** What a store that cannot be used is to everybody: it did not answer, or nothing that can be read. */
import type { z } from "zod";

/** A store did not answer, after retries, or not as it must. Thrown, not returned: no step can decide anything without its store. */
export class Unavailable extends Error {
  readonly store: "redis" | "postgres" | "stripe";

  /** @param why for the log; never shown to a shopper, never with arguments of a command */
  constructor(store: "redis" | "postgres" | "stripe", why: string) {
    super(`${store} unavailable: ${why}`);
    this.name = "Unavailable";
    this.store = store;
  }
}

/**
 * What a store answered, as its schema has it.
 * @throws {Unavailable} it is something else; which fields are is said, what stood in them is not
 */
export function decoded<Value>(
  store: Unavailable["store"],
  what: string,
  schema: z.ZodType<Value>,
  answer: unknown,
): Value {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  const places = read.error.issues.slice(0, 3).map(({ path, code }) => `${path.join(".")} ${code}`);
  throw new Unavailable(store, `${what} was answered otherwise than it can be: ${places.join(", ")}`);
}
