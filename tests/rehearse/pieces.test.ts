/** Small parts the rehearsal's figures and manners rest on. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { createClock } from "../../bench/rehearse/clock.ts";
import { createFigures, layerOf, quantiles } from "../../bench/rehearse/figures.ts";
import { persist, type Answer, type Http } from "../../bench/rehearse/http.ts";
import { longestStall, watchLag } from "../../bench/rehearse/lag.ts";
import { parseOptions } from "../../bench/rehearse/options.ts";
import { createProgress, type Status } from "../../bench/rehearse/progress.ts";
import { createSleep, Stopped } from "../../bench/rehearse/sleep.ts";
import { createVisitor, forged, numberIn } from "../../bench/rehearse/visitor.ts";
import type { Pulse } from "../../domain/api.ts";
import { tokenKeys } from "../../domain/token.ts";
import { spreadMs } from "../../static/assets/api.js";

afterEach(() => vi.restoreAllMocks());

const answer = (status: number, more: Partial<Answer> = {}): Answer => ({
  status,
  text: "",
  contentType: "",
  setCookies: [],
  word: undefined,
  problem: undefined,
  retryAfterMs: undefined,
  ageMs: 0,
  clickedAtMs: 0,
  sentAtMs: 0,
  answeredAtMs: 0,
  ...more,
});

describe("a request that is persisted with", () => {
  const sending = { step: "reserve", method: "POST", path: "/x", headers: {}, body: "{}" } as const;
  const patience = () => {
    const waits: number[] = [];
    const sleep = (ms: number) => {
      waits.push(ms);
      return Promise.resolve();
    };
    return { waits, manners: { sleep, random: () => 0, stopped: () => false } };
  };

  test("is sent again, the same bytes, after a broken connection, 429 and 5xx, until there is an answer", async () => {
    const answers = [
      answer(0, { sentAtMs: 7 }),
      answer(429, { retryAfterMs: 3000 }),
      answer(503),
      answer(201, { sentAtMs: 99 }),
    ];
    const send = vi.fn<Http["send"]>(() => Promise.resolve(answers.shift() ?? answer(500)));
    const { waits, manners } = patience();
    const last = await persist({ send, destroy: () => Promise.resolve() }, sending, manners);
    expect(last).toMatchObject({ status: 201, sentAtMs: 7 });
    expect(send.mock.calls).toEqual([[sending], [sending], [sending], [sending]]);
    expect(waits).toEqual([250, 3000, 1000]);
  });

  test.each([200, 401, 409, 425])("is answered by %i", async (status) => {
    const send = vi.fn<Http["send"]>(() => Promise.resolve(answer(status)));
    await persist({ send, destroy: () => Promise.resolve() }, sending, patience().manners);
    expect(send).toHaveBeenCalledTimes(1);
  });

  test("ends with the run", async () => {
    const send = () => Promise.resolve(answer(503));
    const stopped = vi.fn().mockReturnValueOnce(false).mockReturnValue(true);
    const { manners } = patience();
    const sent = persist({ send, destroy: () => Promise.resolve() }, sending, { ...manners, stopped });
    await expect(sent).rejects.toThrow(Stopped);
  });
});

test("all sleepers wake when the run stops, and nobody falls asleep after", async () => {
  const stop = new AbortController();
  const sleep = createSleep(stop.signal);
  const sleepers = Promise.allSettled([sleep(60_000), sleep(60_000)]);
  stop.abort();
  expect((await sleepers).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect(sleep(0)).rejects.toThrow(Stopped);
});

test("an answer from cache counts for the front, whoever made it once", () => {
  expect(layerOf("HIT", "functions")).toBe("front");
  expect(layerOf("UPDATING", "functions")).toBe("front");
  expect(layerOf("EXPIRED", "functions")).toBe("functions");
  expect(layerOf(undefined, "edge")).toBe("edge");
  expect(layerOf("MISS", undefined)).toBe("unknown");
});

test("quantiles are by nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantiles(values)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
  expect(quantiles([7])).toEqual({ count: 1, p50: 7, p95: 7, p99: 7, max: 7 });
  expect(quantiles([])).toBeUndefined();
  expect(createFigures().requests).toBe(0);
});

describe("a device's clock", () => {
  const pulse = (nowMs: number, pollAfterMs: number): Pulse => ({
    now: new Date(nowMs).toISOString(),
    phase: "open",
    mode: "normal",
    opensAt: new Date(0).toISOString(),
    closesAt: new Date(9e9).toISOString(),
    nowServing: 0,
    joined: 0,
    perSecond: 0,
    items: [],
    pollAfterMs,
    epoch: 1,
    release: { everySeconds: 5, size: 1, last: 0, boundBy: "" },
    reach: null,
  });

  test("counts the time to the next look from the pulse's own time, spread as on the page", () => {
    // An hour ahead of the server's.
    const clock = createClock(() => 3_600_000 + 10_400);
    clock.set(pulse(10_400, 1000), 0);
    for (const share of [0, 0.25, 0.9]) {
      vi.spyOn(Math, "random").mockReturnValue(share);
      expect(clock.untilNextLookMs(pulse(10_000, 1000), 1)).toBe(600 + spreadMs(1000));
      expect(clock.untilNextLookMs(pulse(10_000, 5000), 1)).toBe(4600 + spreadMs(5000));
    }
    expect(clock.untilNextLookMs(pulse(8_000, 1000), 1)).toBe(250);
  });

  test("goes by the freshest of its last five answers, and by what a cache says of their age", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    let atMs = 10_000;
    const clock = createClock(() => atMs);
    clock.set(pulse(9_000, 1000), 1000);
    clock.set(pulse(9_500, 1000), 0);
    expect(clock.untilNextLookMs(pulse(10_000, 1000), 1)).toBe(1000 + spreadMs(1000));
    for (let looks = 0; looks < 5; looks++) clock.set(pulse(9_700, 1000), 0);
    atMs = 10_300;
    expect(clock.untilNextLookMs(pulse(10_000, 1000), 1)).toBe(1000 + spreadMs(1000));
  });
});

test("a process that stands still knows for how long", async () => {
  const watch = watchLag();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const fromMs = performance.timeOrigin + performance.now();
  while (performance.timeOrigin + performance.now() < fromMs + 150);
  await new Promise((resolve) => setTimeout(resolve, 50));
  watch.stop();
  const longest = longestStall(watch.stalls(), fromMs, fromMs + 150);
  expect(longest).toBeGreaterThanOrEqual(120);
  expect(longestStall(watch.stalls(), fromMs - 10_000, fromMs - 5000)).toBe(0);
});

describe("a visitor", () => {
  const url = "http://127.0.0.1:8787";

  test("with a browser keeps cookies, forgets those that are taken back, and says where it acts from", () => {
    const visitor = createVisitor({ client: "browser", address: "10.0.0.7" }, url, true);
    visitor.take(answer(201, { setCookies: ["a=1; Path=/; HttpOnly", "b=2", "c=3"] }));
    visitor.take(answer(200, { setCookies: ["b=4; Max-Age=60", "c=; Max-Age=0"] }));
    expect(visitor.headers("POST", "ticket")).toEqual({
      "cf-connecting-ip": "10.0.0.7",
      cookie: "a=1; b=4",
      origin: url,
      "sec-fetch-site": "same-origin",
    });
  });

  test("with an app sends the token the step asks for, and claims no address elsewhere", () => {
    const visitor = createVisitor({ client: "app", address: "10.0.0.7" }, "https://shop.example", false);
    visitor.take(answer(201, { setCookies: ["a=1"] }));
    visitor.tokens.ticket = "T";
    expect(visitor.headers("POST", "ticket")).toEqual({ authorization: "Bearer T" });
    expect(visitor.headers("POST", "pass")).toEqual({});
  });

  test("reads the number of a pass, and nothing from what is none", async () => {
    const pass = { kind: "pass", sale: "s", shopper: "x", identity: "anyone", number: 7, epoch: 1 } as const;
    const keys = tokenKeys(`k:${"s".repeat(32)}`);
    expect(numberIn(await keys.sign({ ...pass, expiresAtMs: 1 }))).toBe(7);
    expect(numberIn("opaque")).toBeUndefined();
  });

  test("who forges a token has one that looks like it and does not verify", async () => {
    const keys = tokenKeys(`k:${"s".repeat(32)}`);
    const token = await keys.sign({ kind: "shopper", shopper: "x" });
    expect(forged(token)).toHaveLength(token.length);
    expect(await keys.verify("shopper", token)).toBeDefined();
    expect(await keys.verify("shopper", forged(token))).toBeUndefined();
  });
});

describe("the live line", () => {
  const status: Status = {
    phase: "open",
    arrived: 9,
    inLine: 5,
    inside: 2,
    heldUnits: 1,
    orders: 3,
    soldUnits: 4,
    finished: 3,
    stock: 10,
    shoppers: 12,
    opensInSeconds: -30,
    requestsPerSecond: 120,
    errors: 0,
  };

  test("is rewritten on a terminal, and a note goes above it", () => {
    let written = "";
    const progress = createProgress({ isTTY: true, columns: 200, write: (text) => (written += text) });
    progress.status(status);
    progress.note("a note");
    progress.end();
    expect(written).toContain(
      "open       sold 40 %, about 0:45  in line 5  inside 2  held 1  orders 3  sold 4/10  120 req/s  errors 0",
    );
    expect(written).toContain("\r\u001b[2Ka note\n");
    expect(written.endsWith("\n")).toBe(true);
  });

  test("tells of the registration in the same place", () => {
    let written = "";
    const progress = createProgress({ isTTY: true, columns: 200, write: (text) => (written += text) });
    progress.stage("registration  confirmed 7 of 9");
    progress.status(status);
    expect(written).toMatch(/^\r\S*2Kregistration {2}confirmed 7 of 9\r\S*2Kopen/);
  });

  test("is a line every five seconds elsewhere", () => {
    let written = "";
    const progress = createProgress({ write: (text) => (written += text) });
    for (let second = 0; second < 10; second++) progress.status(status);
    expect(written.trimEnd().split("\n")).toHaveLength(2);
  });
});

describe("the command line", () => {
  const parse = (...args: string[]) => parseOptions(args, () => 99);

  test("has defaults, and a seed of its own", () => {
    expect(parse()).toMatchObject({ shoppers: 500, stock: 50, seed: 99, timeout: 300, json: false });
    expect(parse()).toMatchObject({ price: 0, slowPayers: 0.2, webhooksLost: 0.05 });
  });

  test("lets a large crowd come over some time before opening, and gives it longer", () => {
    expect(parse("--shoppers", "100000")).toMatchObject({ openIn: 493, timeout: 1755 });
    expect(parse("--shoppers", "100000", "--open-in", "600", "--timeout", "900")).toMatchObject({
      openIn: 600,
      timeout: 900,
    });
    expect(parse("--shoppers", "5000")).not.toHaveProperty("openIn");
  });

  test("takes people who register, and what for", () => {
    expect(parse()).toMatchObject({ registered: 0 });
    expect(parse("--registered", "50", "--slots", "9", "--allocation", "draw")).toMatchObject({
      registered: 50,
      slots: 9,
      allocation: "draw",
    });
  });

  test("takes shares in percent", () => {
    expect(parse("--slow-payers", "12.5", "--webhooks-lost", "0")).toMatchObject({
      slowPayers: 0.125,
      webhooksLost: 0,
    });
  });

  test.each([
    ["a crowd that is no number", ["--shoppers", "many"]],
    ["a crowd of nobody", ["--shoppers", "0"]],
    ["half a unit", ["--stock", "1.5"]],
    ["an address that is none", ["--url", "ftp://x", "--admin-token", "t"]],
    ["an address without a token", ["--url", "http://127.0.0.1:1", "--admin-token", ""]],
    ["a stock beside a file", ["--stock", "5", "--sale", "x.yaml"]],
    ["a price beside a file", ["--price", "5", "--sale", "x.yaml"]],
    ["more than all", ["--declined", "101"]],
    ["more who register than come", ["--shoppers", "5", "--registered", "6"]],
    ["slots that nobody registers for", ["--slots", "5"]],
    ["an allocation that nobody registers for", ["--allocation", "draw"]],
    ["an allocation by anything else", ["--registered", "5", "--allocation", "auction"]],
    [
      "registration where no mailbox is read",
      ["--registered", "5", "--url", "https://staging.example", "--admin-token", "t"],
    ],
    ["an unknown option", ["--shopers", "5"]],
    ["a word too many", ["now"]],
  ])("refuses %s in one line", (_what, args) => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(() => parse(...args)).toThrow();
    const text = written.mock.calls.map(([line]) => String(line)).join("");
    written.mockRestore();
    expect(text.trimEnd()).toMatch(/^error: [^\n]+(\n\(Did you mean [^\n]+)?$/);
  });
});
