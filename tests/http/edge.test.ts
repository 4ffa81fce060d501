/** What is the same for everybody: kept, told apart from what is personal, purged, and there when the functions are not. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  ask,
  createSale,
  newAddress,
  operator,
  shopper,
  shopperInside,
  until,
  withStack,
} from "./harness.ts";

const stack = withStack();
let sale: string;

beforeAll(async () => {
  sale = await createSale(stack.get());
});

/** @param where `front` through the CDN's stand-in, `edge` past it */
async function get(path: string, headers: Record<string, string> = {}, where: "front" | "edge" = "front") {
  const response = await fetch(stack.get()[where].url + path, {
    headers: { "cf-connecting-ip": newAddress(), ...headers },
  });
  const { status } = response;
  return { status, headers: response.headers, text: await response.text() };
}

const functionsCalls = async (work: () => Promise<unknown>) => {
  await stack.get().redis.resetStats();
  await work();
  return (await stack.get().redis.stats()).calls;
};

describe("headers of caching", () => {
  test("what is the same for everybody says how long it may be kept, everything else that it may not", async () => {
    const ann = await shopperInside(stack.get(), sale);
    const cacheControl = async (path: string, headers = {}) =>
      (await get(path, headers, "edge")).headers.get("cache-control");
    const page = "public, max-age=5, stale-while-revalidate=60, stale-if-error=3600";
    expect(await cacheControl("/")).toBe(page);
    expect(await cacheControl(`/sales/${sale}`)).toBe(page);
    expect(await cacheControl(`/api/sales/${sale}`)).toMatch(/^public, max-age=5, .*stale-if-error=\d+$/);
    expect(await cacheControl(`/api/sales/${sale}/pulse`)).toMatch(/^public, max-age=1, stale-if-error=\d+$/);
    expect(await cacheControl("/sales/there-is-no-such")).toBe("public, max-age=5");
    for (const path of [`/sales/${sale}/visit`, "/healthz", "/api/admin/sales", "/nothing"])
      expect(await cacheControl(path), path).toBe("no-store");
    for (const answer of [await ann.join(), await ann.enter(), await ann.reserve("no-id")])
      expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("an answer that was kept is told by its tag: 304 without a body, from the CDN and from the edge", async () => {
    for (const where of ["front", "edge"] as const) {
      const first = await get(`/sales/${sale}`, {}, where);
      const etag = first.headers.get("etag") ?? "";
      expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
        const again = await get(`/sales/${sale}`, { "if-none-match": known }, where);
        expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
      }
      expect((await get(`/sales/${sale}`, { "if-none-match": '"other"' }, where)).status).toBe(200);
    }
  });
});

describe("two shoppers' cookies", () => {
  test("neither change a byte of what is cached nor come to be in it", async () => {
    const [ann, bob] = [await shopperInside(stack.get(), sale), await shopperInside(stack.get(), sale)];
    const cookiesOf = ({ ticket, pass }: typeof ann) =>
      `__Host-ticket-${sale}=${ticket}; __Host-pass-${sale}=${pass}; __Host-shopper=${ticket}`;
    const paths = ["/", `/sales/${sale}`, `/api/sales/${sale}`, "/api/sales", "/sales/there-is-no-such"];
    for (const path of paths) {
      const asked = [
        { cookie: cookiesOf(ann) },
        { cookie: cookiesOf(bob), authorization: `Bearer ${bob.ticket}` },
        { cookie: cookiesOf(bob) },
        {},
      ];
      // Each as the first that fills it: nothing is kept in between.
      const answers = [];
      for (const headers of asked) {
        stack.get().front.purge({ everything: true });
        answers.push(await get(`${path}?fill=${answers.length}`, headers));
      }
      for (const { text, headers } of answers) {
        expect(text.replace(/"now":"[^"]+"/, "")).toBe(answers[0]?.text.replace(/"now":"[^"]+"/, ""));
        expect(headers.getSetCookie()).toEqual([]);
        expect(headers.get("vary")).toBeNull();
        for (const secret of [ann.ticket, ann.pass, bob.ticket, bob.pass]) {
          expect(text).not.toContain(secret.slice(0, 24));
          expect(JSON.stringify([...headers])).not.toContain(secret.slice(0, 24));
        }
      }
    }
  });

  test("what is personal is never kept: not by the CDN, not by the isolate", async () => {
    const ann = await shopperInside(stack.get(), sale);
    const path = `/sales/${sale}/visit`;
    const hers = await get(path, {
      cookie: `__Host-ticket-${sale}=${ann.ticket}; __Host-pass-${sale}=${ann.pass}`,
    });
    expect(hers.text).toContain("It is your turn");
    for (const where of ["front", "edge"] as const) {
      const others = await get(path, {}, where);
      expect(others.text).not.toContain("It is your turn");
      expect(others.headers.get("cf-cache-status")).not.toBe("HIT");
    }
  });
});

describe("the isolate's copies", () => {
  test("answer what gets around the CDN, so that addresses made up to miss it cost the functions nothing", async () => {
    await get(`/api/sales/${sale}/pulse`, {}, "edge");
    const calls = await functionsCalls(() =>
      Promise.all(Array.from({ length: 300 }, (_, i) => get(`/api/sales/${sale}/pulse?x=${i}`))),
    );
    // About one a second, however long a busy machine takes.
    expect(calls).toBeLessThanOrEqual(15);
  });

  test("and who only waits and reloads is not limited, however often", async () => {
    const address = newAddress();
    const paths = [`/sales/${sale}`, `/api/sales/${sale}/pulse`, `/api/sales/${sale}`, "/"];
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const path = paths[i % paths.length] ?? "/";
        return (await get(path, { "cf-connecting-ip": address }, i % 8 < 4 ? "front" : "edge")).status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("say how old they are", async () => {
    const fresh = await until(
      () => get(`/api/sales/${sale}`, {}, "edge"),
      ({ headers }) => headers.get("age") === null,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const old = await get(`/api/sales/${sale}`, {}, "edge");
    expect([old.headers.get("age"), old.text]).toEqual(["1", fresh.text]);
  });

  test("are limited by address where there is none: made-up sales do not reach the functions without end", async () => {
    const address = newAddress();
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const path = `/api/sales/no-such-${i}/pulse`;
        return (await get(path, { "cf-connecting-ip": address })).status;
      }),
    );
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(60);
    expect((await get("/api/sales/no-such-201/pulse")).status).toBe(404);
  });
});

describe("an operator's change", () => {
  test("is seen at once in the page, the data, the pulse and the lists: what was kept of them is purged by tag", async () => {
    const own = await createSale(stack.get());
    const paths = [`/sales/${own}`, `/api/sales/${own}`, `/api/sales/${own}/pulse`, "/api/sales", "/"];
    for (const path of paths) await get(path);
    const kept = await get(`/sales/${sale}`);
    const mode = { mode: "reject", reason: "test" };
    expect((await operator(stack.get(), `/sales/${own}/mode`, { body: mode })).status).toBe(200);
    expect((await get(`/api/sales/${own}`)).text).toContain('"mode":"reject"');
    expect((await get(`/api/sales/${own}/pulse`)).text).toContain('"mode":"reject"');
    expect((await get(`/sales/${own}`)).text).toContain("&quot;mode&quot;:&quot;reject&quot;");
    const other = await get(`/sales/${sale}`);
    // On a busy machine it may just have to be renewed; it is there all the same.
    expect(["HIT", "UPDATING"]).toContain(other.headers.get("cf-cache-status"));
    expect(other.text).toBe(kept.text);
  });

  test("a sale that is created is there at once, though its absence was kept", async () => {
    const id = `made-${Date.now()}`;
    expect((await get(`/api/sales/${id}`)).status).toBe(404);
    expect((await get(`/api/sales/${id}`)).headers.get("cf-cache-status")).toBe("HIT");
    await createSale(stack.get(), { id });
    expect((await get(`/api/sales/${id}`)).status).toBe(200);
  });

  test("tags do not go out to clients", async () => {
    expect((await get(`/sales/${sale}`)).headers.get("cache-tag")).toBeNull();
  });
});

describe("functions in trouble", () => {
  test("newcomers are turned away first, who is inside goes on, pages and a stale pulse are there; it ends by itself", async () => {
    const [ann, late] = [await shopperInside(stack.get(), sale), shopper(stack.get(), sale)];
    const [page, pulse] = [`/sales/${sale}`, `/api/sales/${sale}/pulse`];
    for (const path of [page, pulse]) await get(path, {}, "edge");
    await stack.get().functions.kill();
    // A call that fails says 2 s; who is turned away hears anything from 2 to 8.
    const turnedAway = await until(
      () => Promise.all(Array.from({ length: 20 }, () => shopper(stack.get(), sale).join())),
      (answers) => new Set(answers.map(({ headers }) => headers.get("retry-after"))).size > 3,
    );
    for (const { status, type } of turnedAway) expect([status, type]).toEqual([503, "unavailable"]);
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    for (const path of [page, pulse]) {
      const stale = await get(path, {}, "edge");
      expect([stale.status, stale.headers.get("x-layer")]).toEqual([200, "edge"]);
      expect(Number(stale.headers.get("age"))).toBeGreaterThanOrEqual(5);
    }
    // Who is inside is not turned away: their calls go on to the functions, and are answered as soon as those are back.
    await stack.get().functions.restart();
    expect((await ann.reserve(crypto.randomUUID())).status).toBe(201);
    const joined = await until(
      () => late.join(),
      ({ status }) => status === 201,
    );
    expect(joined.headers.get("x-layer")).toBe("functions");
    const fresh = await until(
      () => get(pulse, {}, "edge"),
      ({ headers }) => headers.get("age") === null,
    );
    expect(fresh.status).toBe(200);
  });
});

test("assets of a version that is no more are those of now, for a minute; what was never there is not found", async () => {
  const [now = ""] = /\/v\/[0-9a-f]{12}\//.exec((await get("/")).text) ?? [];
  const old = "/v/0123456789ab/";
  for (const file of ["shop.js", "signal.js", "messages/de.js", "shop.css"]) {
    const current = await get(now + file);
    expect(current.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const before = await get(old + file);
    expect([before.status, before.text]).toEqual([200, current.text]);
    for (const name of ["content-type", "x-content-type-options"])
      expect(before.headers.get(name)).toBe(current.headers.get(name));
    expect(before.headers.get("cache-control")).toBe("public, max-age=60");
  }
  for (const path of [`${old}nothing.js`, `${now}nothing.js`])
    expect((await get(path)).status, path).toBe(404);
});

test("a limit is said in the fields of the standard, and so is when to come back", async () => {
  const answer = await shopper(stack.get(), sale).join();
  expect(answer.headers.get("ratelimit-policy")).toBe('"shopper";q=10;w=1');
  expect(answer.headers.get("ratelimit")).toMatch(/^"shopper";r=\d+;t=0$/);
  expect((await ask(stack.get(), `/api/sales/${sale}`)).headers.get("ratelimit")).toBeNull();
});
