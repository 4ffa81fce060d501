/** Who counts as one person: a confirmed address, an account of the shop, or a cookie with a limit per address. */
import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { ask, at, claimsIn, createSale, forge, newAddress, shopper, until, withStack } from "./harness.ts";

const ISSUER = "https://login.shop.example";
const AUDIENCE = "flash-sale";

/** The shop's login, as far as it is public: the address of its keys. */
let published: JWK[] = [];
let looks = 0;
let isDown = false;
const login: Server = createServer((_, response) => {
  looks++;
  if (isDown) response.writeHead(503).end();
  else
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: published }));
});
afterAll(() => void login.close());

const stack = withStack([], async () => {
  await new Promise<void>((resolve) => login.listen(0, "127.0.0.1", resolve));
  const address = login.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    ACCOUNT_JWKS_URL: `http://127.0.0.1:${port}/jwks`,
    ACCOUNT_ISSUER: ISSUER,
    ACCOUNT_AUDIENCE: AUDIENCE,
    ACCOUNT_COOKIE: "shop-session",
    ACCOUNT_LOGIN_URL: "https://login.shop.example/",
  };
});

async function newKey(kid: string): Promise<CryptoKey> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  published = [...published, { ...(await exportJWK(publicKey)), kid, alg: "ES256" }];
  return privateKey;
}
/** A key that the edge has seen, which it looks for once in five seconds at most. */
async function knownKey(sale: string, kid: string): Promise<CryptoKey> {
  const key = await newKey(kid);
  const token = await account(key, kid, "nobody");
  await until(
    () => join(sale, { token }),
    ({ status }) => status < 300,
  );
  return key;
}
interface Changes {
  issuer?: string;
  audience?: string;
  expiresIn?: string;
}
const account = (key: CryptoKey, kid: string, subject: string, changes: Changes = {}) =>
  new SignJWT({})
    .setProtectedHeader({ alg: "ES256", kid })
    .setSubject(subject)
    .setIssuer(changes.issuer ?? ISSUER)
    .setAudience(changes.audience ?? AUDIENCE)
    .setExpirationTime(changes.expiresIn ?? "1 hour")
    .sign(key);

const join = (sale: string, call: Parameters<typeof ask>[2] = {}) =>
  ask(stack.get(), `/api/sales/${sale}/queue`, { method: "POST", ...call });

describe("accounts", () => {
  test("one account is one place, on whatever device; another one is another", async () => {
    const sale = await createSale(stack.get(), { identity: "account" });
    const key = await knownKey(sale, "first");
    const token = await account(key, "first", "ann");
    const phone = await join(sale, { token });
    expect([phone.status, phone.json.number]).toEqual([201, 2]);
    const laptop = await join(sale, {
      headers: { cookie: `shop-session=${await account(key, "first", "ann")}` },
    });
    expect([laptop.status, laptop.json.number]).toEqual([200, 2]);
    expect((await join(sale, { token: await account(key, "first", "ben") })).json.number).toBe(3);
    expect(JSON.stringify(claimsIn(String(phone.json.ticket)))).not.toContain("ann");

    // Both devices come in with their tickets, and get the same pass.
    const enter = (ticket: unknown) =>
      ask(stack.get(), `/api/sales/${sale}/entry`, { method: "POST", token: String(ticket) });
    await until(
      () => enter(phone.json.ticket),
      ({ status }) => status === 201,
    );
    expect((await enter(laptop.json.ticket)).status).toBe(200);
    // And the ticket alone answers the same place.
    expect((await join(sale, { token: String(phone.json.ticket) })).json.number).toBe(2);
  });

  test("a wrong issuer, another audience, an ended token, a stranger's key and no token are refused", async () => {
    const sale = await createSale(stack.get(), { identity: "account" });
    const key = await knownKey(sale, "good");
    const { privateKey: stranger } = await generateKeyPair("ES256");
    const wrong = [
      await account(key, "good", "ann", { issuer: "https://elsewhere.example" }),
      await account(key, "good", "ann", { audience: "another shop" }),
      await account(key, "good", "ann", { expiresIn: "-5 minutes" }),
      await account(stranger, "good", "ann"),
      `${(await account(key, "good", "ann")).split(".").slice(0, 2).join(".")}.`,
      "not.a.token",
    ];
    for (const token of wrong) {
      const answer = await join(sale, { token });
      expect([answer.status, answer.type]).toEqual([401, "login_needed"]);
    }
    expect((await join(sale)).type).toBe("login_needed");
    expect((await join(sale, { token: await account(key, "good", "ann") })).status).toBe(201);
  });

  test("a new key of the login is found by itself; tokens by unknown keys do not make it look for each", async () => {
    const sale = await createSale(stack.get(), { identity: "account" });
    const rotated = await knownKey(sale, "rotated");
    expect((await join(sale, { token: await account(rotated, "rotated", "cid") })).status).toBe(201);
    const { privateKey: stranger } = await generateKeyPair("ES256");
    const before = looks;
    const tokens = await Promise.all(Array.from({ length: 10 }, (_, i) => account(stranger, `k${i}`, "eve")));
    for (const token of tokens) expect((await join(sale, { token })).type).toBe("login_needed");
    expect(looks - before).toBeLessThanOrEqual(2);
  });

  test("while the login does not answer, its known keys go on, and an unknown one is not called wrong", async () => {
    const sale = await createSale(stack.get(), { identity: "account" });
    const known = await knownKey(sale, "known");
    isDown = true;
    try {
      expect((await join(sale, { token: await account(known, "known", "eli") })).status).toBe(201);
      const fresh = await newKey("fresh");
      const token = await account(fresh, "fresh", "fay");
      await until(
        () => join(sale, { token }),
        ({ status, type }) => status === 503 && type === "unavailable",
      );
    } finally {
      isDown = false;
    }
  });

  test("the page of such a sale says where to sign in", async () => {
    const sale = await createSale(stack.get(), { identity: "account" });
    const html = await (await fetch(`${stack.get().url}/sales/${sale}`)).text();
    expect(html).toContain('<a href="https://login.shop.example/">Sign in</a>');
  });
});

const mail = z.object({
  messages: z.array(z.object({ to: z.string(), subject: z.string(), text: z.string() })),
});
async function linkFor(address: string, nth = 1): Promise<string> {
  const messages = await until(
    async () => {
      const answer = await fetch(`${stack.get().mailbox.url}/api/messages?to=${encodeURIComponent(address)}`);
      return mail.parse(await answer.json()).messages;
    },
    (messages) => messages.length >= nth,
  );
  return /https?:\/\/\S+/.exec(messages[0]?.text ?? "")?.[0] ?? "";
}
const tokenOf = (link: string) => new URL(link).searchParams.get("token") ?? "";
const register = (sale: string, email: string) =>
  ask(stack.get(), `/api/sales/${sale}/registrations`, { body: { email } });
const confirm = (sale: string, token: string) =>
  ask(stack.get(), `/api/sales/${sale}/registrations/confirm`, { body: { token } });

describe("confirmed addresses", () => {
  test("an address is one place on whatever device, however it is spelled; without one nobody joins", async () => {
    const sale = await createSale(stack.get(), { identity: "registered" });
    const refused = await join(sale);
    expect([refused.status, refused.type]).toEqual([403, "registration_needed"]);
    const asked = await register(sale, "Ann@Example.com");
    expect(asked.status).toBe(202);
    const link = await linkFor("ann@example.com");
    expect(new URL(link).pathname).toBe(`/sales/${sale}/confirm`);
    expect(decodeURIComponent(link).toLowerCase()).not.toContain("example.com");

    const confirmed = await confirm(sale, tokenOf(link));
    expect([confirmed.status, confirmed.json.status]).toEqual([200, "waiting"]);
    const token = String(confirmed.json.registration);
    expect((await join(sale, { token })).json.number).toBe(1);

    await register(sale, "ann+again@example.com");
    // To the mailbox that is on the list: another spelling of an address must not open another one's registration.
    const other = await confirm(sale, tokenOf(await linkFor("ann@example.com", 2)));
    const again = await join(sale, { token: String(other.json.registration) });
    expect([again.status, again.json.number]).toEqual([200, 1]);
  });

  test("a browser does it with the e-mail's page, where opening the link alone does nothing", async () => {
    const sale = await createSale(stack.get(), { identity: "registered" });
    const page = await (await fetch(`${stack.get().url}/sales/${sale}`)).text();
    expect(page).toContain('name="email"');
    const form = await fetch(`${stack.get().url}/sales/${sale}/visit/register`, {
      method: "POST",
      body: new URLSearchParams({ email: "bea@example.com" }),
    });
    expect([form.status, (await form.text()).includes("Look into your mailbox")]).toEqual([200, true]);
    const link = await linkFor("bea@example.com");
    const opened = await fetch(link.replace(/^https?:\/\/[^/]+/, stack.get().url));
    expect([opened.status, opened.headers.getSetCookie()]).toEqual([200, []]);
    expect(opened.headers.get("cache-control")).toBe("no-store");
    const pressed = await fetch(`${stack.get().url}/sales/${sale}/confirm`, {
      method: "POST",
      body: new URLSearchParams({ token: tokenOf(link) }),
    });
    const cookie = pressed.headers.getSetCookie().find((text) => text.startsWith("__Host-registered-"));
    expect(cookie).toMatch(/; Secure; HttpOnly; SameSite=Lax$/);
    expect((await join(sale, { headers: { cookie: cookie?.split(";")[0] ?? "" } })).status).toBe(201);
  });

  test("tampered links, links of another sale and ended ones are refused", async () => {
    const sale = await createSale(stack.get(), { identity: "registered" });
    const other = await createSale(stack.get(), { identity: "registered" });
    await register(sale, "cid@example.com");
    const token = tokenOf(await linkFor("cid@example.com"));
    for (const [where, what] of [
      [sale, `${token.slice(0, 10)}A${token.slice(11)}`],
      [other, token],
      [sale, ""],
    ] as const) {
      const answer = await confirm(where, what);
      expect([answer.status, answer.type]).toEqual([422, "invalid_input"]);
    }
    const ended = await forge(stack.get(), {
      kind: "confirmation",
      sale,
      shopper: "s".repeat(16),
      id: crypto.randomUUID(),
      expiresAtMs: Date.now() - 1,
    });
    const answer = await confirm(sale, ended);
    expect([answer.status, answer.type]).toEqual([410, "token_expired"]);
    const page = await fetch(`${stack.get().url}/sales/${sale}/confirm`, {
      method: "POST",
      body: new URLSearchParams({ token: ended }),
    });
    expect([page.status, (await page.text()).includes("This link has ended")]).toEqual([410, true]);
  });

  test("an address that is none is refused; so is any where the sale takes none", async () => {
    const sale = await createSale(stack.get(), { identity: "registered" });
    for (const email of ["", "ann", "ann@", "ann@example", `${"a".repeat(300)}@example.com`])
      expect((await register(sale, email)).type).toBe("invalid_input");
    expect((await register(await createSale(stack.get()), "ann@example.com")).type).toBe(
      "registration_closed",
    );
    const later = await createSale(stack.get(), {
      identity: "registered",
      registrationOpensAt: at(60_000),
      opensAt: at(120_000),
    });
    expect((await register(later, "ann@example.com")).type).toBe("registration_closed");
    expect((await register("no-such-sale", "ann@example.com")).type).toBe("not_found");
  });

  test("each e-mail is sent once, whoever sends; and no mailbox is filled", async () => {
    const sale = await createSale(stack.get(), { identity: "registered" });
    for (let i = 0; i < 8; i++) expect((await register(sale, "dan@example.com")).status).toBe(202);
    expect(await linkFor("dan@example.com")).not.toBe("");
    await Promise.all([stack.get().cron(), stack.get().cron()]);
    const all = await fetch(`${stack.get().mailbox.url}/api/messages?to=dan@example.com`);
    expect(mail.parse(await all.json()).messages).toHaveLength(5);
  });
});

describe("anyone", () => {
  test("one address takes a hundred places at once, and then waits; who has one is not held back", async () => {
    const sale = await createSale(stack.get());
    const address = newAddress();
    const first = shopper(stack.get(), sale);
    await first.join({ address });
    let refused = await join(sale, { address });
    for (let i = 0; i < 150 && refused.status !== 429; i++) {
      // Each second's ten of an address are not what is tested here.
      if (i % 9 === 8) await new Promise((resolve) => setTimeout(resolve, 1_100));
      refused = await join(sale, { address });
    }
    expect([refused.status, refused.type]).toEqual([429, "rate_limited"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await first.join({ address })).status).toBe(200);
    expect((await join(sale)).status).toBe(201);
    // A cookie alone shows nobody to be known: it is had for the asking.
    const minted = await ask(stack.get(), `/api/sales/${sale}/registrations`, { body: { email: "x" } });
    const cookie = minted.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect(cookie).toMatch(/^__Host-shopper=/);
    // Some may have become free meanwhile, one a second. Nine are within a shopper's ten a second.
    const again = await Promise.all(
      Array.from({ length: 9 }, () => join(sale, { address, headers: { cookie } })),
    );
    expect(again.map(({ type }) => type)).toContain("rate_limited");
  });
});
