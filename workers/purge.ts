/**
 * Which answers carry which tag, and what goes when an operator changes a sale: its page, its data, its pulse and the
 * lists, from the CDN everywhere and from this isolate. The copies of other isolates end by themselves, within 5 s.
 */
import type { Context } from "hono";
import { forget } from "./copies.ts";
import type { EdgeContext } from "./env.ts";

export const LIST_TAG = "sales";
export const saleTag = (saleId: string) => `sale-${saleId}`;

/** What of the platform does it; the type of the router does not know it yet. */
const isPurging = (context: object): context is { cache: Pick<CacheContext, "purge"> } =>
  "cache" in context && typeof context.cache === "object" && context.cache !== null;

/**
 * After a change by an operator. It not working is no failure of the change: what is kept is kept for seconds only.
 * @param body of the request: a new sale names itself there
 */
export async function purgeChanged(c: Context<EdgeContext>, body: unknown): Promise<void> {
  const inPath = /^\/api\/admin\/sales\/([^/]+)/.exec(c.req.path)?.[1];
  const inBody = typeof body === "object" && body !== null && "id" in body ? body.id : undefined;
  const saleId = inPath ?? (typeof inBody === "string" ? inBody : undefined);
  const tags = saleId === undefined ? [LIST_TAG] : [LIST_TAG, saleTag(saleId)];
  forget(tags);
  await purge(c, tags);
}

/** Purges these tags from the CDN. @returns whether that works here */
export async function purge(c: Context<EdgeContext>, tags: string[]): Promise<"works" | "fails" | "none"> {
  const context = c.executionCtx;
  if (!isPurging(context)) return "none";
  try {
    await context.cache.purge({ tags });
    return "works";
  } catch (error) {
    console.error(JSON.stringify({ error: `purge: ${String(error)}`, request: c.var.trace.requestId }));
    return "fails";
  }
}
