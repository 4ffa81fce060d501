/** Forms of the pages without JavaScript: small, and of the one type that a form sends; anything else is not read. */
import type { MiddlewareHandler } from "hono";
import { problem } from "../domain/problem.ts";
import { isRefusal, refuse } from "../domain/refusal.ts";
import { BODY_MAX_BYTES, BODY_WITHIN_MS, readBody } from "./body.ts";
import type { EdgeContext } from "./env.ts";

export const PAGE_FORM_MAX_BYTES = BODY_MAX_BYTES;
/** A sale with a hundred items, in the spelling of forms, which makes nine characters of some. */
export const CONSOLE_FORM_MAX_BYTES = 128 * 1024;

export const smallForm =
  (bytesMax: number): MiddlewareHandler<EdgeContext> =>
  async (c, next) => {
    if (c.req.method !== "POST") {
      await next();
      return undefined;
    }
    const sent = await readBody(c.req.raw, bytesMax, BODY_WITHIN_MS);
    if (isRefusal(sent)) return problem(sent);
    const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
    // A mail program that unsubscribes with one click may send this type (RFC 8058); its link says all.
    const isOneClick = type === "multipart/form-data" && c.req.path.endsWith("/unregister");
    const body = isOneClick ? new Uint8Array() : sent;
    if (body.byteLength > 0 && type !== "application/x-www-form-urlencoded")
      return problem(
        refuse("unsupported_media_type", { detail: "It has to be application/x-www-form-urlencoded." }),
      );
    const headers = new Headers(c.req.raw.headers);
    // Of no body a type says nothing, but it would be believed.
    if (body.byteLength === 0) headers.delete("content-type");
    c.req.raw = new Request(c.req.raw, { headers, body });
    await next();
    return undefined;
  };
