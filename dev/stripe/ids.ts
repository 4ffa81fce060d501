/** Ids in Stripe's style. From real chance, also where a test replaces the chance of the switches. */

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const random = (length: number) =>
  Array.from(
    // By way of the global, which a simulation replaces.
    crypto.getRandomValues(new Uint8Array(length)),
    (byte) => letters[byte % letters.length],
  ).join("");

const lengths = { cs_test: 58, pi: 24, ch: 24, re: 24, evt: 24, li: 24, req: 14, sk_test: 40, whsec: 32 };

export const newId = (prefix: keyof typeof lengths) => `${prefix}_${random(lengths[prefix])}`;
