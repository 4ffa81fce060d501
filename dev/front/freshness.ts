/**
 * What Workers Cache does with an answer: store it or not, how long it is fresh, how long it may serve stale.
 * RFC 9111 by http-cache-semantics; on top of it Cloudflare's documented peculiarities (developers.cloudflare.com/workers/cache):
 * the default lifetimes, the CDN-only fields, and who may be served stale.
 *
 * Left out: Cache Deception Armor, `private="set-cookie"`, and slicing of ranges.
 */
import CachePolicy from "http-cache-semantics";
import { line, type Fields } from "./headers.ts";

/** Why an answer was not stored, in the word clients see. */
export type NotStored = "BYPASS" | "DYNAMIC" | "MISS";

export type Verdict =
  | { store: false; status: NotStored }
  | {
      store: true;
      /** May answer a request that carries Authorization (RFC 9111 §3.5). */
      shareable: boolean;
      ageSeconds: number;
      /** Instants in milliseconds since the epoch; the stale windows start where freshness ends. */
      freshUntil: number;
      staleWhileRevalidateUntil: number;
      staleIfErrorUntil: number;
    };

export type Judge = (request: { url: string; headers: Fields }, status: number, answer: Fields) => Verdict;

/** Seconds an answer without Cache-Control and Expires is kept, by status: the trap every dynamic answer must avoid. */
const defaultSeconds: Readonly<Record<number, number>> = {
  200: 7200,
  203: 7200,
  204: 7200,
  300: 1200,
  301: 1200,
  404: 180,
  405: 60,
  410: 180,
  414: 60,
  501: 60,
};

type Directives = Map<string, string | undefined>;

function parse(cacheControl: string): Directives {
  const directives: Directives = new Map();
  for (const part of cacheControl.toLowerCase().split(",")) {
    const [name = "", value] = part.split("=", 2);
    if (name.trim() !== "") directives.set(name.trim(), value?.trim().replace(/^"|"$/g, ""));
  }
  return directives;
}

const seconds = (value: string | undefined) => Math.max(0, Number.parseInt(value ?? "0", 10) || 0);

/** The most specific field wins. */
const forTheCdn = (answer: Fields) =>
  line(answer, "cloudflare-cdn-cache-control") ??
  line(answer, "cdn-cache-control") ??
  line(answer, "cache-control");

const neverStored = (status: number) => status === 206 || (status >= 520 && status <= 526);

/** @param now the front's clock, in milliseconds since the epoch */
export function createJudge(now: () => number): Judge {
  // The library reads its clock through this method, already in its constructor: a field would come too late.
  class Policy extends CachePolicy {
    now(): number {
      return now();
    }
  }

  return ({ url, headers }, status, answer) => {
    if (answer["set-cookie"] !== undefined) return { store: false, status: "BYPASS" };
    if (neverStored(status)) return { store: false, status: "MISS" };
    if (line(answer, "vary")?.includes("*")) return { store: false, status: "BYPASS" };

    let cacheControl = forTheCdn(answer);
    if (cacheControl === undefined && answer["expires"] === undefined) {
      const ttl = defaultSeconds[status];
      if (ttl === undefined) return { store: false, status: "DYNAMIC" };
      cacheControl = `max-age=${ttl}`;
    }
    const directives = parse(cacheControl ?? "");
    const strict = ["s-maxage", "must-revalidate", "proxy-revalidate"].some((name) => directives.has(name));
    const explicit =
      answer["expires"] !== undefined ||
      ["max-age", "s-maxage", "public"].some((name) => directives.has(name));
    // The library takes proxy-revalidate for "never fresh"; it only forbids serving stale, which `strict` does.
    directives.delete("proxy-revalidate");

    const policy = new Policy(
      // The client's own Cache-Control stays out: reloading a page must not reach the Worker.
      { url, method: "GET", headers: { authorization: headers["authorization"] } },
      {
        // Any status may be stored if the answer says so; the library would refuse those it does not know by itself.
        status: explicit ? 200 : status,
        headers: {
          "cache-control": [...directives].map(([k, v]) => (v === undefined ? k : `${k}=${v}`)).join(", "),
          expires: line(answer, "expires"),
          date: line(answer, "date"),
          age: line(answer, "age"),
          "last-modified": line(answer, "last-modified"),
        },
      },
    );
    if (!policy.storable()) {
      const forbidden =
        ["private", "no-store"].some((name) => directives.has(name)) || headers["authorization"];
      return { store: false, status: forbidden ? "BYPASS" : "DYNAMIC" };
    }

    const freshUntil = now() + Math.max(0, policy.maxAge() - policy.age()) * 1000;
    const window = (directive: string, otherwise: number) =>
      strict ? 0 : directives.has(directive) ? seconds(directives.get(directive)) * 1000 : otherwise;
    return {
      store: true,
      shareable: ["public", "must-revalidate", "s-maxage"].some((name) => directives.has(name)),
      ageSeconds: policy.age(),
      freshUntil,
      staleWhileRevalidateUntil: freshUntil + window("stale-while-revalidate", 0),
      // Without the directive errors are papered over until the entry is purged.
      staleIfErrorUntil: freshUntil + window("stale-if-error", Number.POSITIVE_INFINITY),
    };
  };
}
