/**
 * Where secrets and personal data must not be: a whole sale is run with marked ones (an address confirmed by e-mail, a slot, a
 * payment, a refund, mails, and calls that fail on the way), then everything that was logged, kept by the CDN, kept by Redis,
 * or said in a refusal or an address we make is searched for them.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { ask, at, createSale, operator, shoe, until, withStack } from "../http/harness.ts";
import { mailsTo, registrant } from "../http/registrants.ts";

const log: string[] = [];
const stack = withStack(log);
const EMAIL = "Marked.Person+shop@mail.test";
const PAYER = "marked-payer@mail.test";
const [IPV4, IPV6] = ["203.0.113.77", "2001:db8:77:1::1"];

/** What was sent and answered, as the network between could see it. */
const [refusals, addresses]: [string[], string[]] = [[], []];
const plainFetch = globalThis.fetch;

/** name → text that must be nowhere. */
const marked = new Map<string, string>();
const mark = (name: string, text: unknown) => void marked.set(name, z.string().min(8).parse(text));

/** Lists, and what a set or hash is made of, in one text. */
async function everythingInRedis(): Promise<string[]> {
  const { redis } = stack.get().redis;
  const texts = z.array(z.union([z.string(), z.number()])).transform((all) => all.map(String));
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => redis.command("GET", key).then((text) => [text]),
    hash: (key) => redis.command("HGETALL", key),
    set: (key) => redis.command("SMEMBERS", key),
    zset: (key) => redis.command("ZRANGE", key, 0, -1),
    stream: (key) => redis.command("XRANGE", key, "-", "+").then((entries) => [JSON.stringify(entries)]),
  };
  const found: string[] = [];
  for (const key of texts.parse(await redis.command("KEYS", "*"))) {
    const type = String(await redis.command("TYPE", key));
    const read = readers[type];
    if (read === undefined) throw new Error(`nobody reads a ${type}`);
    found.push(key, ...texts.parse(await read(key)));
  }
  return found;
}

/** place → what is there */
const places: Record<string, () => Promise<string[]>> = {
  "the Workers' logs": () => Promise.resolve(log),
  "what the CDN keeps": () => Promise.resolve(stack.get().front.kept()),
  Redis: everythingInRedis,
  refusals: () => Promise.resolve(refusals),
  addresses: () => Promise.resolve(addresses),
};

async function leaks(): Promise<string[]> {
  const found: string[] = [];
  for (const [place, read] of Object.entries(places)) {
    const text = (await read()).join("\n").toLowerCase();
    for (const [name, needle] of marked)
      if (text.includes(needle.toLowerCase())) found.push(`${name} in ${place}`);
  }
  return found;
}

beforeAll(async () => {
  globalThis.fetch = async (input, init) => {
    const answer = await plainFetch(input, init);
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(stack.get().url)) return answer;
    addresses.push(answer.headers.get("location") ?? "");
    const text = await answer.clone().text();
    for (const [, to = ""] of text.matchAll(/(?:href|src|action)="([^"]*)"/g)) addresses.push(to);
    if (answer.status >= 400) refusals.push(JSON.stringify([...answer.headers]), text);
    return answer;
  };
  await wholeSale();
}, 90_000);
afterAll(() => {
  globalThis.fetch = plainFetch;
});

async function wholeSale(): Promise<void> {
  const shop = stack.get();
  mark("the operator's token", shop.adminToken);
  mark("the token of Redis", shop.gatewayToken);
  mark("a signing key", shop.tokenKeys.split(":")[1]);
  mark("Stripe's key", shop.stripe.secretKey);
  mark("the webhooks' secret", shop.stripe.webhookSecret);
  mark("the database's password", new URL(shop.neon.connectionString).password);
  mark("an address", EMAIL);
  mark("an address, normalised", "marked.person@");
  mark("a payer's address", PAYER);
  mark("an IPv4 address", IPV4);
  mark("an IPv6 address", IPV6);

  const sale = await createSale(shop, {
    // An operator opens it, once the address is confirmed.
    opensAt: at(15 * 60_000),
    items: [shoe({ stock: 10, price: 2500 })],
    slots: { count: 2, allocation: "first_come", claimUntil: at(20 * 60_000) },
    allowedOrigins: ["https://shop.example"],
  });
  const ann = registrant(shop, sale, EMAIL);
  const from = { address: IPV4 };
  await ann.call("/registrations", { body: { email: EMAIL }, ...from });
  const link = await ann.mailed("confirm");
  mark("a confirmation's token", link);
  const confirmed = await ann.call("/registrations/confirm", { body: { token: link }, ...from });
  mark("a registration's token", confirmed.json.registration);
  await operator(shop, `/sales/${sale}/open`, { body: {} });
  const { json: mine } = await ann.decided();
  mark("a slot's token", mine.slotToken);
  for (const page of ["", "/visit"])
    await (await fetch(`${shop.url}/sales/${sale}${page}`, { headers: { cookie: cookiesOf(ann) } })).text();

  // What goes wrong must be said, and no more than that.
  const wrong: [string, object][] = [
    ["/registrations", { email: `${EMAIL} x` }],
    ["/registrations", { email: EMAIL, token: link }],
    ["/registrations/confirm", { token: `${link}x` }],
    ["/registrations/cancel", { token: String(mine.slotToken) }],
    ["/queue", { slotToken: link }],
  ];
  for (const [path, body] of wrong) await ann.call(path, { body, address: IPV6 });
  shop.neon.faults.add({ kind: "error", times: 2 });
  await ann.call("/registrations", { body: { email: EMAIL }, ...from });
  await ann.call("/registrations/mine", from);
  shop.neon.faults.clear();
  await operator(shop, `/sales/${EMAIL}/live`);
  await operator(shop, `/audit-log?sale=${sale}`, { token: `${shop.adminToken}x` });

  const joined = await until(
    () => ann.call("/queue", { body: { slotToken: mine.slotToken }, ...from }),
    ({ json }) => json.pass !== undefined,
  );
  mark("a ticket", joined.json.ticket);
  mark("a pass", joined.json.pass);
  mark("a browser's token", ann.cookies.get("__Host-shopper"));
  const reservationId = randomUUID();
  const lines = [{ sku: "shoe", quantity: 1 }];
  await ann.call("/reservations", { body: { reservationId, lines: [{ sku: EMAIL, quantity: 1 }] }, ...from });
  shop.redis.faults.add({ kind: "error", times: 3 });
  await ann.call("/reservations", { body: { reservationId, lines }, ...from });
  shop.redis.faults.clear();
  await ann.call("/reservations", { body: { reservationId, lines }, ...from });
  shop.stripe.faults.add({ kind: "error", times: 4 });
  await ann.checkout(reservationId);
  shop.stripe.faults.clear();
  const { json: till } = await until(
    () => ann.checkout(reservationId),
    ({ status }) => status === 200,
  );
  shop.stripe.pay(/cs_test_\w+/.exec(String(till.url))?.[0] ?? "", { email: PAYER });
  await until(
    () => ann.call(`/orders/${reservationId}`, from),
    ({ json }) => JSON.stringify(json.payment ?? {}).includes("captured"),
  );
  const body = { refundId: randomUUID(), returnStock: true, reason: "arrived broken" };
  await operator(shop, `/sales/${sale}/orders/${reservationId}/refunds`, { body });
  await until(
    () => ann.call(`/orders/${reservationId}`, from),
    ({ json }) => json.state === "refunded",
  );
  await until(
    () => mailsTo(shop, PAYER),
    (mails) => mails.length > 0,
  );
  await ask(shop, "/webhooks/stripe", {
    body: { email: EMAIL },
    headers: { "stripe-signature": `t=1,v1=${"0".repeat(64)}` },
  });
  for (const session of shop.stripe.state().sessions) addresses.push(session.success_url);
  await shop.cron();
  // An operator's change has purged what the CDN kept.
  for (const page of ["/", `/sales/${sale}`, `/api/sales/${sale}`, `/api/sales/${sale}/pulse`, "/docs"])
    await (
      await fetch(shop.url + page, { headers: { cookie: cookiesOf(ann), "cf-connecting-ip": IPV4 } })
    ).text();
}

const cookiesOf = ({ cookies }: { cookies: Map<string, string> }) =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");

test("no secret, token, e-mail or network address is in a log, a cache, Redis, a refusal or an address", async () => {
  // It was a whole sale, and things went wrong in it.
  expect(marked.size).toBe(17);
  expect(log.some((line) => line.includes("redis unavailable"))).toBe(true);
  expect(log.some((line) => line.includes("postgres unavailable"))).toBe(true);
  expect(refusals.length).toBeGreaterThan(12);
  for (const read of Object.values(places)) expect((await read()).length).toBeGreaterThan(3);
  expect(await leaks()).toEqual([]);
});

test("negative control: each of them, planted in each place, is found", async () => {
  const plant: Record<string, (text: string) => unknown> = {
    "the Workers' logs": (text) => log.push(JSON.stringify({ error: text })),
    Redis: (text) => stack.get().redis.redis.command("HSET", "planted", text, "1"),
    refusals: (text) => refusals.push(text),
    addresses: (text) => addresses.push(`/x?y=${text}`),
  };
  for (const [place, put] of Object.entries(plant)) {
    for (const [, text] of marked) await put(text);
    const found = new Set(await leaks());
    for (const name of marked.keys()) expect(found).toContain(`${name} in ${place}`);
  }
});
