import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { knownShopper, mintShopper, tokenKeys, type TicketClaims } from "../../domain/token.ts";

const secret = (letter: string) => letter.repeat(32);
const keys = tokenKeys(`a:${secret("x")}`);
const ticket: TicketClaims = {
  kind: "ticket",
  sale: "s",
  shopper: "p",
  identity: "anyone",
  number: 7,
  epoch: 1,
  joinedAtMs: 5,
  expiresAtMs: 9,
};

describe("a token", () => {
  test("gives back what was signed, and only as the kind it is", async () => {
    const token = await keys.sign(ticket);
    expect(await keys.verify("ticket", token)).toEqual(ticket);
    expect(await keys.verify("pass", token)).toBeUndefined();
    expect(await keys.verify("shopper", token)).toBeUndefined();
  });

  test("altered in any one place is none", async () => {
    const token = await keys.sign(ticket);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.string({ minLength: 1, maxLength: 1 }),
        async (at, letter) => {
          fc.pre(token[at] !== letter);
          expect(
            await keys.verify("ticket", token.slice(0, at) + letter + token.slice(at + 1)),
          ).toBeUndefined();
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("has one spelling: the bits behind its last byte are not free", async () => {
    // 32 bytes of MAC are 43 characters, of which the last has two bits too many.
    const token = await keys.sign(ticket);
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const good = [];
    for (const letter of letters)
      if ((await keys.verify("ticket", token.slice(0, -1) + letter)) !== undefined) good.push(letter);
    expect(good).toEqual([token.at(-1)]);
    expect(await keys.verify("ticket", `${token}=`)).toBeUndefined();
    expect(await keys.verify("ticket", `${token}A`)).toBeUndefined();
  });

  test("that is anything else is none, and nothing throws", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("a", ".", "-", "=") })),
        async (text) => {
          expect(await keys.verify("ticket", text)).toBeUndefined();
        },
      ),
      { numRuns: 1_000 },
    );
    expect(await keys.verify("ticket", `${"a".repeat(5_000)}.a.b`)).toBeUndefined();
  });

  test("of a key that was rotated out of signing still counts; of one that is gone it does not", async () => {
    const old = await tokenKeys(`old:${secret("o")}`).sign(ticket);
    expect(await tokenKeys(`new:${secret("n")},old:${secret("o")}`).verify("ticket", old)).toEqual(ticket);
    expect(await tokenKeys(`new:${secret("n")}`).verify("ticket", old)).toBeUndefined();
    expect(await tokenKeys(`old:${secret("n")}`).verify("ticket", old)).toBeUndefined();
  });

  test("of a ghost reads like any other, and only the keys tell them apart", async () => {
    const [ghost, other] = [await keys.sign({ ...ticket, ghost: true }), await keys.sign(ticket)];
    const withoutMac = (token: string) => token.split(".").slice(0, 2).join(".");
    expect(withoutMac(ghost)).toBe(withoutMac(other));
    expect(ghost.length).toBe(other.length);
    expect(ghost).not.toBe(other);
    expect(await keys.verify("ticket", ghost)).toEqual({ ...ticket, ghost: true });
    expect(await keys.verify("ticket", other)).not.toHaveProperty("ghost");
    expect(await tokenKeys(`a:${secret("z")}`).verify("ticket", ghost)).toBeUndefined();
  });

  test.each(["", "a", "a:", "a:short", `a b:${secret("x")}`])("no keys from %j", (setting) => {
    expect(() => tokenKeys(setting)).toThrow(/TOKEN_KEYS must be/);
  });
});

test("shoppers are 16 characters and do not repeat", () => {
  const many = new Set(Array.from({ length: 10_000 }, mintShopper));
  expect(many.size).toBe(10_000);
  for (const shopper of many) expect(shopper).toMatch(/^[\w-]{16}$/);
});

describe("the shopper's id of somebody known by more than a cookie", () => {
  const who = "address spring ann@example.com";

  test("is the same for the same person, and another for every other person, sale and secret", async () => {
    const id = await knownShopper(secret("i"), who);
    expect(id).toMatch(/^[\w-]{16}$/);
    expect(await knownShopper(secret("i"), who)).toBe(id);
    const others = [
      await knownShopper(secret("i"), "address spring bob@example.com"),
      await knownShopper(secret("i"), "address autumn ann@example.com"),
      await knownShopper(secret("j"), who),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
  });

  test("is not made with a secret that could be guessed", async () => {
    await expect(knownShopper("short", who)).rejects.toThrow(/IDENTITY_SECRET must have/);
  });
});
