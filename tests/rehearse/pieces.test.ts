/** Small parts the rehearsal's figures and manners rest on. */
import { describe, expect, test, vi } from "vitest";
import { createFigures, layerOf, quantiles } from "../../bench/rehearse/figures.ts";
import { persist, type Answer, type Http } from "../../bench/rehearse/http.ts";
import { parseOptions } from "../../bench/rehearse/options.ts";
import { createProgress, type Status } from "../../bench/rehearse/progress.ts";
import { createSleep, Stopped } from "../../bench/rehearse/sleep.ts";
import { createVisitor, forged } from "../../bench/rehearse/visitor.ts";
import { tokenKeys } from "../../domain/token.ts";

const answer = (status: number, more: Partial<Answer> = {}): Answer => ({
  status,
  text: "",
  contentType: "",
  setCookies: [],
  word: undefined,
  problem: undefined,
  retryAfterMs: undefined,
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
    requestsPerSecond: 120,
    errors: 0,
  };

  test("is rewritten on a terminal, and a note goes above it", () => {
    let written = "";
    const progress = createProgress({ isTTY: true, columns: 200, write: (text) => (written += text) });
    progress.status(status);
    progress.note("a note");
    progress.end();
    expect(written).toContain("in line 5  inside 2  held 1  orders 3  sold 4/10  120 req/s  errors 0");
    expect(written).toContain("\r\u001b[2Ka note\n");
    expect(written.endsWith("\n")).toBe(true);
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
  });

  test.each([
    ["a crowd that is no number", ["--shoppers", "many"]],
    ["a crowd of nobody", ["--shoppers", "0"]],
    ["half a unit", ["--stock", "1.5"]],
    ["an address that is none", ["--url", "ftp://x", "--admin-token", "t"]],
    ["an address without a token", ["--url", "http://127.0.0.1:1", "--admin-token", ""]],
    ["a stock beside a file", ["--stock", "5", "--sale", "x.yaml"]],
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
