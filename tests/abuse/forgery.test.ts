/** Tokens and signatures that were not made by us: a million ways to write one down wrong, and none is believed. */
import fc from "fast-check";
import Stripe from "stripe";
import { expect, test } from "vitest";
import { claimsFor, cookie } from "../../domain/credential.ts";
import { mintShopper, tokenKeys, type Claims } from "../../domain/token.ts";
import { connectStripe } from "../../functions/checkout/stripe.ts";
import { traceOf } from "../../workers/trace.ts";

const secret = (letter: string) => letter.repeat(32);
const keys = tokenKeys(`new:${secret("n")},old:${secret("o")}`);
const strangers = tokenKeys(`new:${secret("x")},old:${secret("y")}`);

const person = { sale: "spring", shopper: mintShopper() };
const place = { ...person, identity: "anyone" as const, number: 7, epoch: 1, expiresAtMs: 2e12 };
const all: Claims[] = [
  { kind: "shopper", shopper: person.shopper },
  { kind: "confirmation", ...person, id: "i", expiresAtMs: 2e12 },
  { kind: "registered", ...person },
  { kind: "cancellation", ...person },
  { kind: "slot", ...person },
  { kind: "ticket", ...place, joinedAtMs: 1e12 },
  { kind: "pass", ...place },
];
const kinds = all.map(({ kind }) => kind);

const base64url = (text: string) => Buffer.from(text).toString("base64url");
const readable = (payload: string) => Buffer.from(payload, "base64url").toString();

/** Everything that can be done to a token without its key. */
const changes: Record<string, (parts: [string, string, string], nth: number, other: string) => string> = {
  "a bit flipped": (parts, nth) => {
    const bytes = Buffer.from(parts.join("."));
    const at = nth % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (nth % 7));
    return bytes.toString("latin1");
  },
  "cut off": (parts, nth) => parts.join(".").slice(0, nth % parts.join(".").length),
  "something behind it": (parts, _, other) => `${parts.join(".")}${other || "."}`,
  "something before it": (parts, _, other) => `${other || "."}${parts.join(".")}`,
  "another payload under its MAC": ([payload, id, mac], nth) =>
    `${base64url(
      readable(payload)
        .replace(/\d/, String(nth % 10))
        .replace("spring", "summer"),
    )}.${id}.${mac}`,
  "its claims in another order": ([payload, id, mac]) =>
    `${base64url(JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(readable(payload)) as object).reverse())))}.${id}.${mac}`,
  "the ghost's word in the key's place": ([payload, id, mac]) => `${payload}.${id}.ghost.${mac}`,
  "the other key's id": ([payload, id, mac]) => `${payload}.${id === "new" ? "old" : "new"}.${mac}`,
  "a key that is none": ([payload, , mac], nth) =>
    `${payload}.${["", "none", "__proto__", "constructor", "NEW", "new,old", "new "][nth % 7] ?? ""}.${mac}`,
  "no MAC": ([payload, id]) => `${payload}.${id}.`,
  "an empty MAC's base64": ([payload, id]) => `${payload}.${id}.AA`,
  "base64 with padding": ([payload, id, mac]) => `${payload}=.${id}.${mac}=`,
  "the other base64 alphabet": ([payload, id, mac]) =>
    `${payload}.${id}.${mac.replaceAll("-", "+").replaceAll("_", "/")}+`,
  "the last letter's idle bits": ([payload, id, mac]) => `${payload}.${id}.${mac.slice(0, -1)}${next(mac)}`,
  "percent signs": (parts) => parts.join("%2E"),
  "a JWT that says it needs no MAC": ([payload]) => `${base64url('{"alg":"none"}')}.${payload}.`,
};
/** The same bits but for those that no byte uses: a 32-byte MAC leaves two in its last letter. */
function next(mac: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[(alphabet.indexOf(mac.at(-1) ?? "") ^ 1) % 64] ?? "";
}

test("a token that anything was done to is none, of whatever kind; as it was it is one of its own kind only", async () => {
  const signed = await Promise.all(all.map((claims) => keys.sign(claims)));
  const [claims, change] = [fc.nat(signed.length - 1), fc.constantFrom(...Object.entries(changes))];
  const done = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(claims, change, fc.nat(4_000), fc.string(), async (which, [name, alter], nth, other) => {
      const token = signed[which] ?? "";
      const [payload = "", id = "", mac = ""] = token.split(".");
      const altered = alter([payload, id, mac], nth, other);
      fc.pre(altered !== token);
      for (const kind of kinds)
        expect(await keys.verify(kind, altered), `${name}: ${altered}`).toBeUndefined();
      done.set(name, (done.get(name) ?? 0) + 1);
    }),
    { numRuns: 1_000 },
  );
  expect(new Set(done.keys()), "each was tried").toEqual(new Set(Object.keys(changes)));
  for (const [nth, token] of signed.entries())
    for (const kind of kinds)
      expect((await keys.verify(kind, token)) !== undefined, kind).toBe(all[nth]?.kind === kind);
});

test("claims of anybody's making, signed with a key that only has our key's name, are none", async () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean());
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...all), fc.dictionary(fc.string(), value), async (claims, more) => {
      const forged = await strangers.sign({ ...claims, ...more, kind: claims.kind } as Claims);
      expect(await keys.verify(claims.kind, forged)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test("whatever stands in the headers of credentials is read as a token or as none, and nothing throws", async () => {
  const ticket = await keys.sign(all[5] ?? { kind: "shopper", shopper: "" });
  const latin = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)) });
  const near = fc.constantFrom(
    ...[`Bearer  ${ticket}`, `Bearer ${ticket} x`, `Bearer ${ticket},${ticket}`, `Basic ${ticket}`, ticket],
    ...[`Bearer`, `Bearer ${"a".repeat(9_000)}.b.c`, `bearer\t${ticket}`, `Bearer "${ticket}"`],
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(latin, near), fc.oneof(latin, near), async (authorization, cookies) => {
      const headers = new Headers({ authorization, cookie: `__Host-ticket-spring=${cookies}; x` });
      const claims = await claimsFor(keys, "ticket", "spring", headers);
      // The cookie alone may be right: nothing but blanks, and the token.
      if (claims !== undefined) expect(cookie(headers, "__Host-ticket-spring")).toBe(ticket);
      expect(await claimsFor(keys, "ticket", "summer", headers)).toBeUndefined();
      expect(await claimsFor(keys, "pass", "spring", headers)).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

const webhookSecret = "whsec_test";
const shop = connectStripe("sk_test_x", webhookSecret);
const sign = (payload: string, timestamp: number, by = webhookSecret, scheme = "v1") =>
  new Stripe("sk_test_x").webhooks.generateTestHeaderStringAsync({
    ...{ payload, timestamp, secret: by, scheme },
    cryptoProvider: Stripe.createSubtleCryptoProvider(),
  });
const nowSeconds = () => Math.floor(Date.now() / 1000);

test("an event is believed with Stripe's signature over these bytes, made in the last five minutes, and else never", async () => {
  const body = JSON.stringify({ id: "evt_1", object: "event", type: "x", data: { object: {} } });
  const good = await sign(body, nowSeconds());
  expect(await shop.eventOf(body, good)).toMatchObject({ id: "evt_1" });
  const [stamp = "", mac = ""] = good.split(",");
  const bad: [string, string][] = [
    ["replayed after ten minutes", await sign(body, nowSeconds() - 600)],
    ["by another secret", await sign(body, nowSeconds(), "whsec_other")],
    ["of an older scheme", await sign(body, nowSeconds(), webhookSecret, "v0")],
    ["with another time under it", `t=${nowSeconds() - 1},${mac}`],
    ["without a time", mac],
    ["without a signature", stamp],
    ["with no number for a time", `t=NaN,${mac}`],
    ["in upper case", good.toUpperCase()],
    ["cut", good.slice(0, -1)],
  ];
  for (const [what, signature] of bad) expect(await shop.eventOf(body, signature), what).toBeUndefined();
  await fc.assert(
    fc.asyncProperty(fc.nat(body.length - 1), fc.string({ minLength: 1, maxLength: 3 }), async (at, text) => {
      const altered = body.slice(0, at) + text + body.slice(at + 1);
      fc.pre(altered !== body);
      expect(await shop.eventOf(altered, good)).toBeUndefined();
    }),
    { numRuns: 60 },
  );
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), fc.string(), async (text, signature) => {
      expect(await shop.eventOf(text, signature)).toBeUndefined();
      expect(await shop.eventOf(text, `t=${nowSeconds()},v1=${signature}`)).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});

test("what is signed by Stripe and is no event is not one", async () => {
  for (const body of ["", "{", "null", "[]", "7", '"x"', "{}", '{"id":1}'])
    expect(await shop.eventOf(body, await sign(body, nowSeconds())), body).toBeUndefined();
});

test("a trace that a client sends is gone on with or not, and never breaks a line of the log", () => {
  const near = fc.constantFrom(`00-${"a".repeat(32)}-${"b".repeat(16)}-01`, `00-${"0".repeat(32)}-b-01`);
  fc.assert(
    fc.property(fc.oneof(near, fc.stringMatching(/^[ -~]{0,80}$/)), (traceparent) => {
      const { traceId, parent } = traceOf(new Headers({ traceparent }));
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(parent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
    }),
  );
});
