/**
 * Who may ask: a request names its user, password and database in `Neon-Connection-String`, and they must be those of
 * the one database behind the gateway. The host is not looked at: which gateway was reached is the client's setting.
 */
import pg from "pg";
import { Refusal } from "./wire.ts";

export interface Credentials {
  user: string;
  password: string;
  database: string;
}

/** What PostgreSQL's own client reads from a connection string and the PG* variables, resolved. */
export function credentialsOf(connectionString: string): Credentials {
  const { user, password, database } = new pg.Client({ connectionString });
  return {
    user: user ?? "",
    password: typeof password === "string" ? password : "",
    database: database ?? "",
  };
}

/** A connection string for these that `neon()` takes; the host is only there because it insists on one. */
export function neonConnectionString({ user, password, database }: Credentials): string {
  const [name, secret, path] = [user, password, database].map(encodeURIComponent);
  return `postgresql://${name ?? ""}${secret ? `:${secret}` : ""}@localhost/${path ?? ""}`;
}

/** @throws Refusal 400 in Neon's words */
export function checkCredentials(header: string | string[] | undefined, expected: Credentials): void {
  if (typeof header !== "string") throw new Refusal(400, "invalid header: neon-connection-string");
  const { protocol, username, password, pathname } = parse(header);
  if (protocol !== "postgres:" && protocol !== "postgresql:") throw new Refusal(400, "incorrect scheme");
  if (!username) throw new Refusal(400, "missing username");
  if (pathname.length < 2) throw new Refusal(400, "missing database name");
  if (!password && expected.password)
    throw new Refusal(400, "missing authentication credentials: required password");
  const user = decode(username);
  if (user !== expected.user || decode(password) !== expected.password) {
    throw new Refusal(400, `password authentication failed for user '${user}'`, "28P01");
  }
  const database = decode(pathname.slice(1));
  if (database !== expected.database)
    throw new Refusal(400, `database "${database}" does not exist`, "3D000");
}

function parse(header: string): URL {
  try {
    return new URL(header);
  } catch {
    throw new Refusal(400, "invalid connection string");
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal(400, "invalid connection string");
  }
}
