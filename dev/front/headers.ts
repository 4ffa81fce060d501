/** Header fields on their way through the front: which travel on, which stay behind, and in what form Node sends them. */
import type { IncomingMessage } from "node:http";

/** Fields by lower-case name, as Node and undici parse them. */
export type Fields = Readonly<Record<string, string | string[] | undefined>>;

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What only the CDN may say (its own marks), and what is said only to the CDN. */
const betweenWorkerAndCdn: ReadonlySet<string> = new Set([
  "cf-cache-status",
  "age",
  "cache-tag",
  "cloudflare-cdn-cache-control",
]);

/** Replaced by the front, or (`expect`) already answered by Node's server. */
const setByFront: ReadonlySet<string> = new Set([
  "cf-connecting-ip",
  "x-forwarded-for",
  "x-forwarded-proto",
  "expect",
]);

/** The field as one line; repeated fields are joined as RFC 9110 §5.2 allows. */
export function line(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function nominated(fields: Fields): ReadonlySet<string> | undefined {
  const connection = line(fields, "connection");
  if (connection === undefined) return undefined;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

/** The Worker's fields as a flat `[name, value, …]` list for the client. */
export function answerFields(fields: Fields): string[] {
  const flat: string[] = [];
  const named = nominated(fields);
  for (const name in fields) {
    if (hopByHop.has(name) || betweenWorkerAndCdn.has(name) || named?.has(name)) continue;
    const value = fields[name];
    if (typeof value === "string") flat.push(name, value);
    else for (const each of value ?? []) flat.push(name, each);
  }
  return flat;
}

/**
 * The client's fields as a flat list for the Worker, in their order and case, Host included.
 * A client on this machine may name its own `CF-Connecting-IP`; in production that field is Cloudflare's alone.
 * @param without more lower-case names to leave behind
 */
export function requestFields(req: IncomingMessage, without?: ReadonlySet<string>): string[] {
  const flat: string[] = [];
  const named = nominated(req.headers);
  const raw = req.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    if (hopByHop.has(name) || setByFront.has(name) || without?.has(name) || named?.has(name)) continue;
    flat.push(raw[i] ?? "", raw[i + 1] ?? "");
  }
  const ip =
    line(req.headers, "cf-connecting-ip") ?? (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const before = line(req.headers, "x-forwarded-for");
  flat.push("CF-Connecting-IP", ip, "X-Forwarded-For", before === undefined ? ip : `${before}, ${ip}`);
  flat.push("X-Forwarded-Proto", "http");
  return flat;
}
