/** What a client can do to the door itself: slow, endless, packed and doubled bodies, headers that lie, guesses. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import * as internal from "../../domain/internal.ts";
import {
  ask,
  claimsIn,
  createSale,
  forge,
  live,
  newAddress,
  operator,
  shopper,
  shopperInside,
  withStack,
} from "../http/harness.ts";

const log: string[] = [];
const stack = withStack(log);
let sale: string;
beforeAll(async () => {
  sale = await createSale(stack.get());
});

const join = () => `/api/sales/${sale}/queue`;

/** Bytes as they are, to the front or past it; what came back when the connection ended, or after so long. */
function raw(
  url: string,
  head: string[],
  body: (string | Buffer)[] = [],
  { everyMs = 0, forMs = 15_000 } = {},
) {
  return new Promise<{ text: string; tookMs: number }>((resolve) => {
    const startedMs = performance.now();
    let text = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const done = () => {
      clearTimeout(timer);
      clearInterval(sending);
      socket.destroy();
      resolve({ text, tookMs: performance.now() - startedMs });
    };
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("close", done).on("error", done);
    const timer = setTimeout(done, forMs);
    const first = ["Host: x", `CF-Connecting-IP: ${newAddress()}`];
    socket.write([head[0], ...first, ...head.slice(1), "", ""].join("\r\n"));
    const rest = [...body];
    if (everyMs === 0) for (const part of rest.splice(0)) socket.write(part);
    const sending = setInterval(() => {
      const part = rest.shift();
      if (part !== undefined && !socket.destroyed) socket.write(part);
      // An answer is what was waited for.
      if (text.includes("\r\n\r\n")) setTimeout(done, 300);
    }, everyMs || 50);
  });
}
const statusOf = ({ text }: { text: string }) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);

describe("bodies", () => {
  test("a byte a second is cut off after ten, for calls and for forms; others do not notice", async () => {
    const drip = Array.from({ length: 60 }, () => " ");
    const slow = (url: string, where: string, type: string) =>
      raw(url, [`POST ${where} HTTP/1.1`, `Content-Type: ${type}`, "Content-Length: 100"], drip, {
        everyMs: 1_000,
        forMs: 25_000,
      });
    const form = "application/x-www-form-urlencoded";
    const dripping = [
      ...Array.from({ length: 10 }, () => slow(stack.get().url, join(), "application/json")),
      slow(stack.get().edge.url, join(), "application/json"),
      slow(stack.get().edge.url, `/sales/${sale}/visit/join`, form),
    ];
    const startedMs = performance.now();
    expect((await shopper(stack.get(), sale).join()).status).toBe(201);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    for (const answer of await Promise.all(dripping)) {
      expect(statusOf(answer)).toBe(408);
      expect(answer.text).toContain('"type":"body_incomplete"');
      expect(answer.tookMs).toBeGreaterThan(9_000);
      expect(answer.tookMs).toBeLessThan(20_000);
    }
  });

  test("one without an end is answered before its end", async () => {
    const chunk = `${(64 * 1024).toString(16)}\r\n${" ".repeat(64 * 1024)}\r\n`;
    const head = [`POST ${join()} HTTP/1.1`, "Content-Type: application/json", "Transfer-Encoding: chunked"];
    const answer = await raw(
      stack.get().edge.url,
      head,
      Array.from({ length: 80 }, () => chunk),
    );
    expect(statusOf(answer)).toBe(413);
  });

  test("one that was packed is not unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(1024 * 1024, " "));
    for (const encoding of ["gzip", "deflate", "br"]) {
      const length = `Content-Length: ${bomb.length}`;
      const head = [
        `POST ${join()} HTTP/1.1`,
        "Content-Type: application/json",
        `Content-Encoding: ${encoding}`,
      ];
      expect(statusOf(await raw(stack.get().url, [...head, length], [bomb]))).toBe(400);
    }
  });

  test("one that breaks off does nothing, and is no line of an exception in the log", async () => {
    const head = [`POST ${join()} HTTP/1.1`, "Content-Type: application/json", "Content-Length: 100"];
    const before = (await live(stack.get(), sale)).line;
    await raw(stack.get().edge.url, head, ["{"], { forMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await live(stack.get(), sale)).line.waiting).toBe(before.waiting);
    expect(log.filter((line) => line.includes("connection lost") || line.includes('"stack"'))).toEqual([]);
  });

  test("of two lengths, or a length and chunks, the front believes neither: nothing is smuggled behind", async () => {
    const inside = await shopperInside(stack.get(), sale);
    const smuggled = `DELETE ${join()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${inside.ticket}\r\n\r\n`;
    const type = "Content-Type: application/json";
    const both = [`POST ${join()} HTTP/1.1`, type, "Content-Length: 4", "Transfer-Encoding: chunked"];
    const twice = [
      `POST ${join()} HTTP/1.1`,
      type,
      "Content-Length: 2",
      `Content-Length: ${2 + smuggled.length}`,
    ];
    const odd = [`POST ${join()} HTTP/1.1`, type, "Transfer-Encoding: xchunked"];
    for (const head of [both, twice, odd]) {
      const answer = await raw(stack.get().url, head, [`0\r\n\r\n${smuggled}`], { forMs: 2_000 });
      expect(statusOf(answer)).toBe(400);
      expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
    // The ticket is still good.
    expect((await inside.enter()).status).toBe(200);
  });
});

describe("headers that lie", () => {
  test("each name the Workers use among themselves is nothing from outside, and goes out of none", async () => {
    const victim = "victim-of-x-1234";
    const names = Object.values(internal);
    expect(names.length).toBeGreaterThanOrEqual(9);
    const forged = Object.fromEntries(names.map((name) => [name, victim]));
    const answer = await ask(stack.get(), join(), { method: "POST", headers: forged });
    expect(answer.status).toBe(201);
    expect(JSON.stringify(claimsIn(String(answer.json.ticket)))).not.toContain(victim);
    expect(JSON.stringify([...answer.headers])).not.toContain(victim);
    for (const call of [
      () => ask(stack.get(), `/api/sales/${sale}/entry`, { method: "POST", headers: forged }),
      () => ask(stack.get(), `/api/sales/${sale}/registrations/mine`, { headers: forged }),
      () => ask(stack.get(), "/api/admin/sales", { headers: forged }),
    ]) {
      const refused = await call();
      expect(refused.status).toBeGreaterThanOrEqual(401);
      for (const name of names)
        if (name !== internal.REQUEST_ID_HEADER) expect(refused.headers.has(name)).toBe(false);
    }
    expect(log.some((line) => line.includes(victim))).toBe(false);
  });

  test("who names other addresses, in whatever header, is counted as the one they come from", async () => {
    const address = newAddress();
    const crowded = await createSale(stack.get());
    const answers = await Promise.all(
      Array.from({ length: 115 }, (_, nth) => {
        const other = `198.51.100.${nth}`;
        return ask(stack.get(), `/api/sales/${crowded}/queue`, {
          method: "POST",
          address,
          headers: {
            "x-forwarded-for": other,
            "x-real-ip": other,
            "true-client-ip": other,
            "x-client-ip": other,
            forwarded: `for=${other}`,
          },
        });
      }),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("a method is the one in the first line", async () => {
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    await ann.reserve(id);
    const headers = {
      "x-http-method-override": "DELETE",
      "x-method-override": "DELETE",
      "x-http-method": "DELETE",
    };
    const at = `/api/sales/${sale}/reservations/${id}`;
    expect((await ask(stack.get(), `${at}?_method=DELETE`, { token: ann.pass, headers })).status).toBe(200);
    expect(
      (await ask(stack.get(), `${at}?_method=DELETE`, { method: "POST", token: ann.pass, headers })).status,
    ).toBe(405);
    expect((await ann.reservation(id)).json.state).toBe("held");
  });

  test("nothing a client says of itself is in what is kept for everybody", async () => {
    const marker = "evil-marker.example";
    const headers = {
      "x-forwarded-host": marker,
      "x-forwarded-proto": marker,
      "x-original-url": `/${marker}`,
      "x-rewrite-url": `/${marker}`,
      "x-host": marker,
      forwarded: `host=${marker}`,
      "accept-language": marker,
      "user-agent": marker,
      referer: `https://${marker}/`,
      origin: `https://${marker}`,
      cookie: `__Host-shopper=${marker}; theme=${marker}`,
      "cf-connecting-ip": newAddress(),
    };
    const fresh = await createSale(stack.get());
    for (const where of [
      "/",
      `/sales/${fresh}`,
      `/api/sales/${fresh}`,
      `/api/sales/${fresh}/pulse`,
      "/openapi.json",
      "/docs",
    ])
      for (const url of [stack.get().url, stack.get().edge.url]) {
        // Its place in the cache is this address's, so what is found there afterwards is what this request made of it.
        const answer = await fetch(`${url}${where}?${randomUUID()}&x=${marker}`, { headers });
        const said = JSON.stringify([...answer.headers]) + (await answer.text());
        expect(answer.status, where).toBe(200);
        expect(said.includes(marker), where).toBe(false);
      }
    const { text } = await raw(stack.get().edge.url, [
      `GET http://${marker}/sales/${fresh} HTTP/1.1`,
      "Connection: close",
    ]);
    expect(text).toContain("200 OK");
    expect(text.includes(marker)).toBe(false);
  });

  test("redirects lead to pages of the shop, whatever the path, the query and the host say", async () => {
    const paths = [
      `/sales/${sale}/visit/join?next=//evil.example&url=https://evil.example`,
      `/sales/${sale}/visit/leave?return=https://evil.example`,
      `/sales/${sale}/visit/give-back`,
      `/sales/${sale}/visit/extend?next=//evil.example`,
      `/en//evil.example/sales/${sale}`,
      `/sales/${sale}/visit/checkout?url=https://evil.example`,
      "//evil.example/visit/join",
      "/sales//evil.example/visit/join",
      "/\\evil.example/visit/join",
      `/sales/${sale}/visit/join/..//evil.example`,
    ];
    const targets = await Promise.all(
      paths.map(async (where) => {
        const head = [`POST ${where} HTTP/1.1`, "Content-Length: 0", "X-Forwarded-Host: evil.example"];
        const { text } = await raw(stack.get().edge.url, head);
        expect(text).toMatch(/^HTTP\/1\.1 (303|404)/);
        return /^location: (.+)$/im.exec(text)?.[1]?.trim();
      }),
    );
    const named = targets.filter((target) => target !== undefined);
    expect(named.length).toBeGreaterThanOrEqual(3);
    for (const target of named) expect(target).toMatch(new RegExp(`^/sales/${sale}(/visit#now)?$`));
  });
});

test("every form of the pages is refused from another site, and sets no cookie", async () => {
  const source = (file: string) =>
    readFileSync(path.join(import.meta.dirname, "../../workers", file), "utf8");
  const steps = [...source("visit.tsx").matchAll(/visit\.post\(`\$\{SALE\}\/([\w-]+)`/g)].map(
    ([, step]) => `visit/${step ?? ""}`,
  );
  const links = [...source("links.ts").matchAll(/^ {2}(\w+): \{\n {4}call:/gm)].map(([, name]) => name ?? "");
  const forms = [...steps, ...links];
  expect(forms).toEqual(
    expect.arrayContaining(["visit/join", "visit/reserve", "confirm", "slot", "unregister"]),
  );
  expect(forms).toHaveLength(10);
  const ann = await shopperInside(stack.get(), sale);
  const cookie = `__Host-ticket-${sale}=${ann.ticket}; __Host-pass-${sale}=${ann.pass}`;
  for (const form of forms)
    for (const foreign of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
    ]) {
      const answer = await fetch(`${stack.get().url}/sales/${sale}/${form}`, {
        method: "POST",
        redirect: "manual",
        headers: {
          ...foreign,
          cookie,
          "content-type": "application/x-www-form-urlencoded",
          "cf-connecting-ip": newAddress(),
        },
        body: `token=x&reservationId=${randomUUID()}&quantity.shoe=1`,
      });
      expect([answer.status, answer.headers.getSetCookie()], form).toEqual([403, []]);
    }
  // The place is still there.
  expect((await ann.enter()).status).toBe(200);
});

describe("the operator's door", () => {
  test("opens to the token as a whole, brought in its one place; every other is told the same", async () => {
    const { adminToken } = stack.get();
    const ticket = await forge(stack.get(), { kind: "shopper", shopper: "s" });
    const near = [
      ...[adminToken.slice(1), adminToken.slice(0, -1), `${adminToken}x`, adminToken.toUpperCase(), ticket],
      ...[`${adminToken},${adminToken}`, `"${adminToken}"`, adminToken.repeat(100)],
    ];
    const bodies = new Set<string>();
    const wrong = (call: Parameters<typeof ask>[2], where = "/api/admin/sales") =>
      ask(stack.get(), where, call).then(({ status, json }) => {
        expect(status).toBe(401);
        bodies.add(JSON.stringify(json));
      });
    for (const token of near) await wrong({ token });
    for (const authorization of [
      adminToken,
      `Basic ${adminToken}`,
      `Token ${adminToken}`,
      `Bearer  ${adminToken}`,
    ])
      await wrong({ headers: { authorization } });
    await wrong({ headers: { cookie: `admin=${adminToken}; authorization=Bearer ${adminToken}` } });
    await wrong({}, `/api/admin/sales?token=${adminToken}&access_token=${adminToken}`);
    await wrong({ token: "x" }, "/api/admin/nothing");
    expect(bodies.size).toBe(1);
    expect((await operator(stack.get(), "/sales")).status).toBe(200);
  });

  test("is opened to nobody who guesses: after fifty guesses they wait, and the operator does not", async () => {
    const address = newAddress();
    const guesses = await Promise.all(
      Array.from({ length: 150 }, () =>
        ask(stack.get(), "/api/admin/sales", { token: randomUUID(), address }),
      ),
    );
    expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const held = guesses.filter(({ status }) => status === 429);
    expect(held.length).toBeGreaterThan(20);
    for (const { headers } of held) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await operator(stack.get(), "/sales")).status).toBe(200);
  });

  test("takes texts that no database takes, or says which field it is; no change is lost for them", async () => {
    const own = await createSale(stack.get());
    for (const text of ["a\0b", "\ud800", "x\udfff", "\uffff", "\u202e"]) {
      const calls: [string, object][] = [
        ["/pause", { reason: text }],
        ["/resume", { reason: text }],
        ["/mode", { mode: "normal", reason: text }],
        ["/release-size", { releaseSize: 7, reason: text }],
        ["/top-up", { topUpId: randomUUID(), sku: "shoe", units: 1, reason: text }],
        ["/remedy-limit", { amount: 1, reason: text }],
      ];
      for (const [where, body] of calls) {
        const answer = await operator(stack.get(), `/sales/${own}${where}`, { body });
        expect([200, 409, 422], `${where} ${JSON.stringify(text)} ${JSON.stringify(answer.json)}`).toContain(
          answer.status,
        );
      }
      for (const query of [
        `/sales/${own}/reservations?shopper=${encodeURIComponent(text.toWellFormed())}`,
        `/audit-log?sale=${encodeURIComponent(text.toWellFormed())}`,
      ])
        expect((await operator(stack.get(), query)).status).toBeLessThan(500);
      const body = {
        id: `n-${randomUUID()}`,
        name: text,
        description: text,
        currency: "EUR",
        opensAt: new Date(Date.now() + 1e6),
        closesAt: new Date(Date.now() + 2e6),
        items: [{ sku: "a", name: text, stock: 1, price: 0 }],
      };
      const made = await operator(stack.get(), "/sales", { body });
      expect([201, 422], JSON.stringify(made.json)).toContain(made.status);
    }
    expect((await live(stack.get(), own)).stored?.ledgerDifference).toBe(0);
    expect(log.filter((line) => line.includes('"stack"'))).toEqual([]);
  });
});
