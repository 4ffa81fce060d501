/** A store did not answer, after retries. Thrown, not returned: no step can decide anything without its store. */
export class Unavailable extends Error {
  readonly store: "redis" | "postgres" | "stripe";

  /** @param why for the log; never shown to a shopper, never with arguments of a command */
  constructor(store: "redis" | "postgres" | "stripe", why: string) {
    super(`${store} unavailable: ${why}`);
    this.name = "Unavailable";
    this.store = store;
  }
}
