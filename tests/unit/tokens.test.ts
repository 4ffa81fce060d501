import { expect, test } from "vitest";
import { tokenKeys, type Claims, type TokenKeys } from "../../domain/token.ts";
import { remembering } from "../../workers/tokens.ts";
import { traceOf } from "../../workers/trace.ts";

const keys = tokenKeys(`k1:${"x".repeat(32)}`);
const shopper = (name: string): Claims => ({ kind: "shopper", shopper: name });

/** The same keys, counting how often a MAC is computed. */
function counting(): TokenKeys & { looks: number } {
  const counted: TokenKeys & { looks: number } = {
    looks: 0,
    sign: keys.sign,
    async verify(kind, token) {
      counted.looks++;
      return await keys.verify(kind, token);
    },
  };
  return counted;
}

test("a good token is verified once, and still is of its kind only", async () => {
  const counted = counting();
  const known = remembering(counted, 10);
  const token = await keys.sign(shopper("ann"));
  for (let i = 0; i < 3; i++) expect(await known.verify("shopper", token)).toEqual(shopper("ann"));
  expect(await known.verify("pass", token)).toBeUndefined();
  expect(counted.looks).toBe(1);
});

test("garbage is looked at each time and pushes nobody out; of good ones so many are remembered", async () => {
  const counted = counting();
  const known = remembering(counted, 2);
  const [ann = "", bob = "", cat = ""] = await Promise.all(
    ["ann", "bob", "cat"].map((name) => keys.sign(shopper(name))),
  );
  await known.verify("shopper", ann);
  for (let i = 0; i < 50; i++) expect(await known.verify("shopper", `${bob}${i}`)).toBeUndefined();
  await known.verify("shopper", ann);
  expect(counted.looks).toBe(51);
  await known.verify("shopper", bob);
  await known.verify("shopper", cat);
  await known.verify("shopper", ann);
  expect(counted.looks).toBe(54);
});

test("a trace that a client begins is gone on with; anything else begins a new one", () => {
  const given = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-00`;
  const { traceId, parent } = traceOf(new Headers({ traceparent: given }));
  expect(traceId).toBe("ab".repeat(16));
  expect(parent).toMatch(/^00-(ab){16}-(?!(cd){8})[0-9a-f]{16}-00$/);
  for (const wrong of [
    "",
    "x",
    given.replace("00-", "ff-"),
    given.replaceAll("ab", "00"),
    given.replaceAll("cd", "00"),
    `${given}-1`,
    given.toUpperCase(),
  ])
    expect(traceOf(new Headers({ traceparent: wrong })).traceId).toMatch(/^(?!(ab){16})[0-9a-f]{32}$/);
});
