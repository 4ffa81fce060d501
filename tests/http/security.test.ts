/** What the edge tells browsers to hold to, and what it turns away: each header and each refusal, from outside. */
import { randomUUID } from "node:crypto";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  createSale,
  newAddress,
  operator,
  saleInput,
  shopper,
  shopperInside,
  until,
  withStack,
} from "./harness.ts";

const stack = withStack();
const shop = "https://shop.example";
let sale: string;

beforeAll(async () => {
  sale = await createSale(stack.get(), { allowedOrigins: [shop] });
});

const get = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  fetch(stack.get().url + path, {
    redirect: "manual",
    ...init,
    headers: { "cf-connecting-ip": newAddress(), ...headers },
  });

const fixed = {
  "strict-transport-security": /^max-age=\d{8}/,
  "x-content-type-options": /^nosniff$/,
  "x-frame-options": /^DENY$/,
  "referrer-policy": /^same-origin$/,
  "permissions-policy": /geolocation=\(\)/,
  "cross-origin-opener-policy": /^same-origin$/,
};

function holds(headers: Headers, fields: Record<string, RegExp>): void {
  for (const [name, pattern] of Object.entries(fields)) expect(headers.get(name), name).toMatch(pattern);
}

describe("every answer", () => {
  const paths: [string, () => string][] = [
    ["the home page", () => "/"],
    ["a sale's page", () => `/sales/${sale}`],
    ["the personal page", () => `/sales/${sale}/visit`],
    ["the data", () => `/api/sales/${sale}`],
    ["a refusal", () => "/api/admin/sales"],
    ["nothing", () => "/nothing/here"],
  ];
  test.each(paths)("carries the security headers: %s", async (_, path) => {
    const { headers } = await get(path(), { accept: "text/html" });
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).not.toMatch(/unsafe|\*|data:/);
    for (const directive of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"])
      expect(policy).toContain(directive);
    holds(headers, { ...fixed, "cache-control": /no-store|^public, max-age=/ });
    expect([...headers.keys()].filter((name) => /^x-(refused|retry-ms|epoch|shopper)$/.test(name))).toEqual(
      [],
    );
  });

  test("of a page runs no inline script and no inline style", async () => {
    for (const path of ["/", `/sales/${sale}`, `/sales/${sale}/visit`]) {
      const html = await (await get(path)).text();
      expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style|javascript:/i);
    }
  });

  test("of a static file carries them too", async () => {
    const html = await (await get("/")).text();
    const script = /src="([^"]+\.js)"/.exec(html)?.[1] ?? "";
    const { status, headers } = await get(script);
    expect(status).toBe(200);
    holds(headers, { ...fixed, "cache-control": /^public, max-age=31536000, immutable$/ });
    expect(script).toMatch(/^\/v\/[0-9a-f]{12}\/shop\.js$/);
  });

  test("cookies are __Host-, HttpOnly, Secure and SameSite", async () => {
    const { headers } = await shopper(stack.get(), sale).join();
    const cookies = headers.getSetCookie();
    expect(cookies.map((line) => line.split("=")[0])).toEqual([`__Host-ticket-${sale}`, "__Host-shopper"]);
    for (const line of cookies)
      expect(line).toMatch(/; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/);
  });
});

describe("a request from another site", () => {
  const join = (headers: Record<string, string>) =>
    get(`/api/sales/${sale}/queue`, headers, { method: "POST" });
  const form = (headers: Record<string, string>) =>
    get(`/sales/${sale}/visit/join`, headers, { method: "POST" });

  const foreign: [string, Record<string, string>][] = [
    ["an origin", { origin: "https://evil.example" }],
    ["an opaque origin", { origin: "null" }],
    ["the same host by another scheme", { origin: "https://127.0.0.1" }],
    ["a site, without an origin", { "sec-fetch-site": "cross-site" }],
    ["a sibling site", { "sec-fetch-site": "same-site" }],
  ];
  test.each(foreign)("by %s may not act: the API and the forms refuse it", async (_, headers) => {
    for (const send of [join, form]) {
      const answer = await send(headers);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ type: "cross_origin" });
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("that leads here by a link finds the personal page, whatever that has to ask for", async () => {
    const ann = shopper(stack.get(), sale);
    await ann.join();
    const headers = { "sec-fetch-site": "cross-site", cookie: `__Host-ticket-${sale}=${ann.ticket}` };
    const turn = await until(
      async () => await (await get(`/sales/${sale}/visit`, headers)).text(),
      (html) => !html.includes("You are in line"),
    );
    expect(turn).toContain("It is your turn");
  });

  test("of our own page may", async () => {
    const own = { origin: stack.get().url, "sec-fetch-site": "same-origin" };
    expect((await join(own)).status).toBe(201);
    expect((await form(own)).status).toBe(303);
  });

  test("that the sale names may act by tokens, and cookies do not count there", async () => {
    const ann = await shopperInside(stack.get(), sale);
    const body = JSON.stringify({ reservationId: randomUUID(), lines: [{ sku: "shoe", quantity: 1 }] });
    const reserve = (headers: Record<string, string>) =>
      get(
        `/api/sales/${sale}/reservations`,
        { "content-type": "application/json", ...headers },
        { method: "POST", body },
      );
    const byCookie = await reserve({ origin: shop, cookie: `__Host-pass-${sale}=${ann.pass}` });
    expect(byCookie.status).toBe(401);
    const byToken = await reserve({ origin: shop, authorization: `Bearer ${ann.pass}` });
    expect(byToken.status).toBe(201);
    expect(byToken.headers.get("access-control-allow-origin")).toBe(shop);
    expect(byToken.headers.get("access-control-allow-credentials")).toBeNull();
    expect(byToken.headers.get("vary")).toContain("origin");
    const elsewhere = await createSale(stack.get());
    const other = await get(`/api/sales/${elsewhere}/queue`, { origin: shop }, { method: "POST" });
    expect(other.status).toBe(403);
  });

  test("is told beforehand, by a preflight", async () => {
    const preflight = (origin: string, path = `/api/sales/${sale}/queue`) =>
      get(path, { origin, "access-control-request-method": "POST" }, { method: "OPTIONS" });
    const allowed = await preflight(shop);
    expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([204, shop]);
    expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
    for (const refused of [
      await preflight("https://evil.example"),
      await preflight(shop, "/api/admin/sales"),
      await preflight(shop, "/api/sales/there-is-no-such/queue"),
    ])
      expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });

  test("may read what is the same for everybody, and its bytes do not depend on who asks", async () => {
    for (const path of [`/api/sales/${sale}`, `/api/sales/${sale}/pulse`]) {
      const { headers } = await get(path, { origin: "https://evil.example" });
      expect([headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual(["*", null]);
    }
  });

  test("an origin that is none is refused with the sale", async () => {
    const body = { ...saleInput(), allowedOrigins: [shop, `${shop}/path`, "*"] };
    expect((await operator(stack.get(), "/sales", { body })).status).toBe(422);
  });
});

describe("another spelling is the same call, or none", () => {
  /** Sent as it is: `fetch` would tidy it up. */
  const post = (spelling: string, address: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { hostname, port } = new URL(stack.get().edge.url);
      // With a token, so that not only who has none is turned away.
      const headers = { "cf-connecting-ip": address, authorization: "Bearer a.b.c" };
      request({ hostname, port, path: spelling, method: "POST", headers }, resolve).on("error", reject).end();
    });
  const ticketed = async (spelling: string) => {
    const answer = await post(spelling, newAddress());
    const { type } = z.object({ type: z.string() }).parse(JSON.parse(await text(answer)));
    return [answer.statusCode, type];
  };
  const spellings: [string, (path: string) => string][] = [
    ["upper case", (path) => path.replace("/api", "/API")],
    ["upper case further in", (path) => path.replace("/entry", "/Entry")],
    ["a slash too many", (path) => `/${path}`],
    ["a slash too many inside", (path) => path.replace("/sales/", "/sales//")],
    ["a slash at the end", (path) => `${path}/`],
    ["an encoded slash", (path) => path.replace("/sales/", "/sales%2F")],
    ["twice encoded", (path) => path.replace("/entry", "/%2565ntry")],
    ["a parameter", (path) => path.replace("/entry", "/entry;x=1")],
    ["a suffix", (path) => `${path}.json`],
    ["dots", (path) => path.replace("/sales/", "/x/../sales/")],
    ["encoded dots", (path) => path.replace("/sales/", "/x/%2e%2e/sales/")],
    ["backslashes", (path) => path.replaceAll("/", "\\").replace("\\", "/")],
    ["dots out of the operator's calls", (path) => path.replace("/api/", "/api/admin/../")],
    ["dots at the end", (path) => `${path}/x/..`],
    ["an encoded end", (path) => `${path}%00`],
  ];
  test.each(spellings)("%s is none", async (_, spell) => {
    expect(await ticketed(spell(`/api/sales/${sale}/entry`))).toEqual([404, "not_found"]);
  });

  const same: [string, (path: string) => string][] = [
    ["an encoded letter", (path) => path.replace("/entry", "/%65ntry")],
    ["a query", (path) => `${path}?x=1`],
  ];
  test.each(same)("%s: the same call, the same refusal, the same limit", async (_, spell) => {
    const path = spell(`/api/sales/${sale}/entry`);
    expect(await ticketed(path)).toEqual([401, "invalid_ticket"]);
    const address = newAddress();
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const answer = await post(path, address);
        answer.resume();
        return answer.statusCode;
      }),
    );
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(10);
  });
});

describe("what does not belong is turned away at the edge", () => {
  const refusals: [string, string, RequestInit, number, string][] = [
    ["a method", "/queue", { method: "PATCH" }, 405, "method_not_allowed"],
    ["a method on what is public", "", { method: "POST" }, 405, "method_not_allowed"],
    ["OPTIONS without a preflight", "/queue", { method: "OPTIONS" }, 405, "method_not_allowed"],
    ["no ticket", "/entry", { method: "POST" }, 401, "invalid_ticket"],
    [
      "a token of letters",
      "/entry",
      { method: "POST", headers: { authorization: "Bearer abc.def.ghi" } },
      401,
      "invalid_ticket",
    ],
    [
      "two kinds of authorization",
      "/entry",
      { method: "POST", headers: { authorization: "Basic eDp5" } },
      401,
      "invalid_ticket",
    ],
    ["a pass that is none", `/reservations/${randomUUID()}`, {}, 401, "invalid_pass"],
    [
      "a body that is no JSON",
      "/queue",
      { method: "POST", body: "{", headers: { "content-type": "application/json" } },
      400,
      "malformed_json",
    ],
    [
      "a body of another type",
      "/queue",
      { method: "POST", body: "a=1", headers: { "content-type": "text/plain" } },
      415,
      "unsupported_media_type",
    ],
    ["a body of 17 KB", "/queue", { method: "POST", body: " ".repeat(17 * 1024) }, 413, "body_too_large"],
  ];
  test.each(refusals)("%s", async (_, path, init, status, type) => {
    const answer = await get(
      `/api/sales/${sale}${path}`,
      { ...(init.headers as Record<string, string>) },
      init,
    );
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("x-layer")).toBe("edge");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({ type, status });
  });

  test("an operator's call without a token, a webhook without a signature, a sale no sale can be called", async () => {
    const answers = [
      await get("/api/admin/sales"),
      await get("/webhooks/stripe", { "content-type": "application/json" }, { method: "POST", body: "{}" }),
      await get("/api/sales/NO_SUCH/pulse"),
    ];
    expect(answers.map(({ status, headers }) => [status, headers.get("x-layer")])).toEqual([
      [401, "edge"],
      [400, "edge"],
      [404, "edge"],
    ]);
  });

  test("a form that is too large, or none", async () => {
    const post = (body: string, type: string) =>
      get(`/sales/${sale}/visit/join`, { "content-type": type }, { method: "POST", body });
    expect((await post(`x=${"y".repeat(17 * 1024)}`, "application/x-www-form-urlencoded")).status).toBe(413);
    expect((await post("{}", "application/json")).status).toBe(415);
    expect((await post("x=1", "application/x-www-form-urlencoded")).status).toBe(303);
  });

  test("what fuzzing found: a look with a body, a zero in a sale's id, a type without a body", async () => {
    const raw = (method: string, path: string, headers: Record<string, string>, body = "") =>
      new Promise<number | undefined>((resolve, reject) => {
        const { hostname, port } = new URL(stack.get().url);
        const asked = request({ hostname, port, path, method, headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asked.on("error", reject).end(body);
      });
    const json = { authorization: "Bearer a.b.c", "content-type": "application/json", "content-length": "2" };
    expect(await raw("GET", "/api/admin/sales", json, "{}")).toBe(401);
    expect(await raw("GET", `/sales/${sale}%00x`, {})).toBe(404);
    expect(await raw("POST", `/sales/${sale}/visit/join`, { "content-type": "multipart/form-data" })).toBe(
      303,
    );
  });

  test("names that only the Workers use among themselves are not believed", async () => {
    const ann = shopper(stack.get(), sale);
    await ann.join();
    const forged = {
      "x-shopper": "somebody",
      "x-registered": "somebody",
      "x-account": "somebody",
      "x-bot-check": "failed",
      "x-epoch": "99",
    };
    expect((await ann.join({ headers: forged })).status).toBe(200);
    expect((await ann.enter({ headers: { ...forged, authorization: "" } })).type).toBe("invalid_ticket");
  });
});

describe("the metrics", () => {
  test("are the operator's, and say how each sale stands", async () => {
    expect((await get("/api/admin/metrics")).status).toBe(401);
    expect((await get("/api/admin/metrics", { authorization: "Bearer wrong" })).status).toBe(401);
    const answer = await get("/api/admin/metrics", { authorization: `Bearer ${stack.get().adminToken}` });
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const lines = (await answer.text()).trimEnd().split("\n");
    expect(lines).toContain(`flash_sale_info{sale="${sale}",phase="open",mode="normal",bound_by="line"} 1`);
    expect(lines).toContain(`flash_sale_units{sale="${sale}",sku="shoe",account="stock"} 10`);
    expect(lines).toContain(`flash_sale_postgres_up{sale="${sale}"} 1`);
    for (const line of lines)
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|flash_sale_\w+\{(\w+="[^"]*",?)+\} -?\d+(\.\d+)?)$/);
  });
});
