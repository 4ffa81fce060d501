/**
 * Assets of versions that are served no more. A deployment brings one version, at `/v/<version>/`, and takes the one before
 * away; tabs that were opened until then, and pages that a cache still has, name that one. They get the file as it is now,
 * and may keep it for a minute only. Accepted: it may be newer than the script that asks for it.
 */
import { Hono } from "hono";
import version from "../dist/assets-version.js";
import type { EdgeContext } from "./env.ts";

const CACHE = "public, max-age=60";

export const oldAssets = new Hono<EdgeContext>();

oldAssets.get("/v/:version{[0-9a-f]{12}}/:file{[\\w./-]+}", async (c) => {
  const { version: asked, file } = c.req.param();
  // What there is of the version of now does not come here.
  if (asked === version || c.env.ASSETS === undefined) return c.notFound();
  const found = await c.env.ASSETS.fetch(new URL(`/v/${version}/${file}`, c.req.url));
  if (!found.ok) return c.notFound();
  const type = found.headers.get("content-type") ?? "application/octet-stream";
  return new Response(found.body, { headers: { "content-type": type, "cache-control": CACHE } });
});
