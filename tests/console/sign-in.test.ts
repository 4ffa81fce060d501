/** Who may come in at the console and the operator's API, as what, and for how long. */
import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { ask, at, createSale, forge, operator, saleInput, until, withStack } from "../http/harness.ts";
import { consoleBrowser, sessionIn, signedIn } from "./client.ts";

const VIEWER_TOKEN = "a-token-of-those-who-look";
const AUDIENCE = "a1b2c3";

/** The team at Cloudflare Access, as far as it is public: the address of its keys. */
let published: JWK[] = [];
let isDown = false;
const team: Server = createServer((request, response) => {
  if (isDown || request.url !== "/cdn-cgi/access/certs") response.writeHead(503).end();
  else
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: published }));
});
let teamDomain = "";
afterAll(() => void team.close());

const stack = withStack(
  [],
  () => Promise.resolve({}),
  async () => {
    await new Promise<void>((resolve) => team.listen(0, "127.0.0.1", resolve));
    const address = team.address();
    teamDomain = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    return {
      VIEWER_TOKEN,
      ACCESS_TEAM_DOMAIN: teamDomain,
      ACCESS_AUDIENCE: AUDIENCE,
      ACCESS_OPERATORS: "ann@shop.example, deploy-bot",
      ACCESS_VIEWERS: "*@agency.example",
    };
  },
);

const audit = async (sale: string) => {
  const { json } = await operator(stack.get(), `/audit-log?sale=${sale}`);
  return z.array(z.object({ action: z.string(), by: z.string() })).parse(json["entries"]);
};
const cancelled = { body: { reason: "a test" } };

describe("signing in", () => {
  test("with the operator's token makes a session in a cookie that no script and no other site can use", async () => {
    const browser = consoleBrowser(stack.get());
    expect(await browser.get("/admin")).toMatchObject({
      status: 303,
      location: "/admin/sign-in?to=%2Fadmin",
    });
    const form = await browser.get("/admin/sign-in?to=%2Fadmin%2Faudit");
    expect(form.html).toContain('name="to" value="/admin/audit"');
    const { status, location, headers } = await browser.post("/admin/sign-in", {
      token: stack.get().adminToken,
      name: "Ann",
      to: "/admin/audit",
    });
    expect([status, location]).toEqual([303, "/admin/audit"]);
    expect(headers.get("set-cookie")).toMatch(
      /^__Host-session=[\w.-]+; Path=\/; Max-Age=(28800|287\d\d); Secure; HttpOnly; SameSite=Strict$/,
    );
    const page = await browser.get("/admin");
    expect(page.status).toBe(200);
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.html).toContain("Ann (operator token)");

    const { sale } = { sale: saleInput() };
    await ask(stack.get(), "/api/admin/sales", { body: sale, token: sessionIn(browser) });
    await operator(stack.get(), `/sales/${sale.id}/pause`, cancelled);
    expect(
      await until(
        () => audit(sale.id),
        (entries) => entries.length === 2,
      ),
    ).toEqual([
      { action: "pause", by: "operator token" },
      { action: "create", by: "Ann (operator token)" },
    ]);

    expect((await browser.post("/admin/sign-out")).location).toBe("/admin/sign-in");
    expect(browser.cookie).toBe("");
    expect((await browser.get("/admin")).status).toBe(303);
  });

  test("goes on to a page of the console only", async () => {
    for (const to of [
      "https://elsewhere.example/",
      "//elsewhere.example",
      "/admin/../x",
      "/adminx",
      "javascript:1",
    ]) {
      const { location } = await consoleBrowser(stack.get()).post("/admin/sign-in", {
        token: stack.get().adminToken,
        to,
      });
      expect([to, location]).toEqual([to, "/admin"]);
    }
  });

  test("with anything else is refused, and says no more", async () => {
    const browser = consoleBrowser(stack.get());
    for (const token of ["no-such-token", "", "ümlaut token", `${stack.get().adminToken}x`]) {
      const { status, html } = await browser.post("/admin/sign-in", { token });
      expect([token, status]).toEqual([token, 401]);
      expect(html).toContain("This is not a token of this shop.");
      expect(token === "" || !html.includes(token)).toBe(true);
    }
    expect(browser.cookie).toBe("");
  });

  test("is tried ten times from an address, and then waits; for others it does not", async () => {
    const browser = consoleBrowser(stack.get());
    const tries: number[] = [];
    for (let i = 0; i < 11; i++)
      tries.push((await browser.post("/admin/sign-in", { token: "guess" })).status);
    expect(tries).toEqual([...Array<number>(10).fill(401), 429]);
    const { status, headers, html } = await browser.post("/admin/sign-in", { token: stack.get().adminToken });
    expect(status).toBe(429);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(html).toMatch(/Try again in \d+ s/);
    const direct = await ask(stack.get(), "/api/admin/session", {
      body: {},
      token: stack.get().adminToken,
      address: browser.address,
    });
    expect([direct.status, direct.type]).toEqual([429, "rate_limited"]);
    expect((await signedIn(stack.get())).cookie).not.toBe("");
  });

  test("is not needed again for a link from another site: the page asks for itself once more", async () => {
    const browser = await signedIn(stack.get());
    const { cookie } = browser;
    browser.cookie = "";
    const { status, html } = await browser.get("/admin/audit?sale=x", { "sec-fetch-site": "cross-site" });
    expect(status).toBe(200);
    expect(html).toContain('http-equiv="refresh" content="0;url=/admin/audit?sale=x"');
    browser.cookie = cookie;
    expect((await browser.get("/admin", { "sec-fetch-site": "same-origin" })).status).toBe(200);
  });
});

describe("what is no session", () => {
  const session = (claims: object) =>
    forge(stack.get(), {
      kind: "session",
      role: "operator",
      name: "Mallory",
      madeWith: "x",
      expiresAtMs: Date.now() + 60_000,
      ...claims,
    });
  const status = async (token: string) => (await ask(stack.get(), "/api/admin/session", { token })).status;

  test("one made with another token, one that has ended, tokens of other kinds", async () => {
    const browser = await signedIn(stack.get());
    const good = sessionIn(browser);
    const { madeWith } = z
      .object({ madeWith: z.string() })
      .parse(JSON.parse(Buffer.from(good.split(".")[0] ?? "", "base64url").toString()));
    expect(await status(await session({ madeWith }))).toBe(200);
    expect(await status(await session({ madeWith, expiresAtMs: Date.now() - 1 }))).toBe(401);
    expect(await status(await session({ madeWith: "x" }))).toBe(401);
    expect(await status(await session({ madeWith, role: "viewer" }))).toBe(401);
    expect(await status(await forge(stack.get(), { kind: "shopper", shopper: "ann" }))).toBe(401);
    expect(await status(await forge(stack.get(), { kind: "registered", sale: "x", shopper: "ann" }))).toBe(
      401,
    );
    expect(await status(`${good.slice(0, -2)}AA`)).toBe(401);
  });

  test("a session makes no other one", async () => {
    const browser = await signedIn(stack.get());
    const again = await ask(stack.get(), "/api/admin/session", { body: {}, token: sessionIn(browser) });
    expect([again.status, again.type]).toEqual([401, "unauthorized"]);
  });
});

describe("a viewer", () => {
  const contract = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

  test("may look at everything and change nothing, by whatever call there is", async () => {
    const browser = await signedIn(stack.get(), VIEWER_TOKEN, "Vic");
    const sale = await createSale(stack.get(), { opensAt: at(3_600_000), closesAt: at(7_200_000) });
    const { paths } = contract.parse((await ask(stack.get(), "/openapi.json")).json);
    const calls = Object.entries(paths)
      .filter(([path]) => path.startsWith("/api/admin/"))
      .flatMap(([path, item]) => Object.keys(item).map((method) => [method.toUpperCase(), path] as const));
    const writes = calls.filter(([method]) => method !== "GET");
    expect(writes.length).toBeGreaterThan(15);
    for (const [method, template] of [...calls, ["POST", "/api/admin/sales/{sale}/not-there-yet"] as const]) {
      const path = template
        .replace("{sale}", sale)
        .replace("{discrepancy}", "1")
        .replace("{id}", "5f0c7d1e-8a3b-4c2d-9e6f-1a2b3c4d5e6f");
      const csv = path.endsWith("/invites") ? { headers: { "content-type": "text/csv" } } : {};
      for (const token of [VIEWER_TOKEN, sessionIn(browser)]) {
        const body = method === "GET" ? {} : { body: {} };
        const answer = await ask(stack.get(), path, { method, token, ...body, ...csv });
        const seen = [method, template, answer.status === 403, answer.type === "forbidden"];
        const isWrite = method !== "GET" && path !== "/api/admin/session";
        expect(seen).toEqual([method, template, isWrite, isWrite]);
      }
    }
    expect((await audit(sale)).map(({ action }) => action)).toEqual(["create"]);
    const page = await browser.get("/admin");
    expect([page.status, page.html.includes("Vic (viewer token)")]).toEqual([200, true]);
  });
});

describe("other sites", () => {
  test("do nothing at the console, and see nothing of it", async () => {
    const browser = await signedIn(stack.get());
    const origin = "https://elsewhere.example";
    for (const headers of [
      { origin },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      const { status, html } = await browser.post("/admin/sign-out", {}, headers);
      expect([status, JSON.parse(html)]).toMatchObject([403, { type: "cross_origin" }]);
    }
    expect(browser.cookie).not.toBe("");
    const token = await access(key, { email: "ann@shop.example" });
    const looked = await browser.get("/admin", { origin, "cf-access-jwt-assertion": token });
    expect(looked.status).toBe(303);
    expect((await browser.get("/admin")).status).toBe(200);
  });
});

let key: CryptoKey;
beforeAll(async () => {
  const pair = await generateKeyPair("RS256");
  key = pair.privateKey;
  published = [{ ...(await exportJWK(pair.publicKey)), kid: "team", alg: "RS256" }];
});

const access = (
  by: CryptoKey,
  claims: Record<string, string>,
  { audience = AUDIENCE, issuer = teamDomain, expiresIn = "1 hour" } = {},
) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: "RS256", kid: "team" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(expiresIn)
    .sign(by);

describe("Cloudflare Access", () => {
  const show = async (token: string, call: Parameters<typeof ask>[2] = {}, path = "/api/admin/session") =>
    await ask(stack.get(), path, { ...call, headers: { "cf-access-jwt-assertion": token } });

  test("signs in who is on a list, as what the list says; the audit log has their name", async () => {
    const ann = await access(key, { email: "Ann@shop.example" });
    expect(await show(ann)).toMatchObject({
      status: 200,
      json: { role: "operator", name: "Ann@shop.example" },
    });
    const sale = saleInput();
    expect((await show(ann, { body: sale }, "/api/admin/sales")).status).toBe(201);
    expect(await audit(sale.id)).toEqual([{ action: "create", by: "Ann@shop.example" }]);
    const page = await consoleBrowser(stack.get()).get("/admin", { "cf-access-jwt-assertion": ann });
    expect([page.status, page.html.includes("Ann@shop.example")]).toEqual([200, true]);

    const viewer = await access(key, { email: "vic@agency.example" });
    expect((await show(viewer)).json["role"]).toBe("viewer");
    expect((await show(viewer, { body: saleInput() }, "/api/admin/sales")).type).toBe("forbidden");
    const bot = await access(key, { common_name: "deploy-bot" });
    expect((await show(bot)).json).toMatchObject({ role: "operator", name: "deploy-bot" });
  });

  test("does not sign in who is on no list, nor by an assertion that is not good", async () => {
    const stranger = (await generateKeyPair("RS256")).privateKey;
    const ann = { email: "ann@shop.example" };
    const bad = {
      "on no list": access(key, { email: "eve@elsewhere.example" }),
      "a domain that only ends like one": access(key, { email: "eve@not-agency.example" }),
      nobody: access(key, {}),
      "another application": access(key, ann, { audience: "other" }),
      "another team": access(key, ann, { issuer: "https://other.cloudflareaccess.com" }),
      ended: access(key, ann, { expiresIn: "-2 minutes" }),
      "signed by somebody else": access(stranger, ann),
      "no JWT": Promise.resolve("x.y.z"),
    };
    for (const [what, token] of Object.entries(bad)) {
      const { status, type } = await show(await token);
      expect([what, status, type]).toEqual([what, 401, "unauthorized"]);
    }
    // A bearer token counts alone.
    expect((await show(await access(key, ann), { token: "wrong" })).status).toBe(401);
  });
});

test("another ADMIN_TOKEN ends the sessions made with the one before, and no others; lost keys of Access let nobody in", async () => {
  const browser = await signedIn(stack.get());
  const viewer = await signedIn(stack.get(), VIEWER_TOKEN);
  const { functions, adminToken } = stack.get();
  isDown = true;
  await functions.kill();
  await functions.restart({ ADMIN_TOKEN: "another-token-of-the-operator" });
  expect((await browser.get("/admin")).status).toBe(303);
  expect((await viewer.get("/admin")).status).toBe(200);
  expect((await operator(stack.get(), "/session", { token: adminToken })).status).toBe(401);

  const ann = await access(key, { email: "ann@shop.example" });
  const page = await consoleBrowser(stack.get()).get("/admin", { "cf-access-jwt-assertion": ann });
  expect([page.status, page.html.includes("The keys of Cloudflare Access cannot be had.")]).toEqual([
    503,
    true,
  ]);

  await functions.kill();
  await functions.restart({ ADMIN_TOKEN: adminToken, ACCESS_AUDIENCE: undefined });
  const ignored = await ask(stack.get(), "/api/admin/session", {
    headers: { "cf-access-jwt-assertion": ann },
  });
  expect(ignored.status).toBe(401);
  expect((await browser.get("/admin")).status).toBe(200);
});
