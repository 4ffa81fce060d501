/** What only the edge knows of itself, for the checklist: its bot check, its cache, and by which keys it goes. */
import type { Context } from "hono";
import type { EdgeState } from "../domain/internal.ts";
import { keysHash } from "../domain/token.ts";
import type { EdgeContext } from "./env.ts";
import { purge } from "./purge.ts";

export async function edgeState(c: Context<EdgeContext>): Promise<EdgeState> {
  const { TURNSTILE_SECRET: secret, TURNSTILE_SITE_KEY: siteKey } = c.env;
  const botCheck = secret === undefined ? "off" : siteKey === undefined ? "half" : "on";
  // No answer carries this tag: it is only tried.
  return { botCheck, purge: await purge(c, ["checklist"]), keys: await keysHash(c.env) };
}
