/** What every answer tells browsers to hold to. Files of `static/` get the same from `static/_headers`. */
import { widgetOf } from "./bot-check.ts";
import type { Env } from "./env.ts";

/** Nothing but our own, and no inline script; where the shop uses a bot check, its script and frame too. */
function contentPolicy(env: Env): string {
  const check = widgetOf(env);
  const others = check === undefined ? "" : ` ${new URL(check.script).origin}`;
  return [
    "default-src 'none'",
    `script-src 'self'${others}`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    ...(others === "" ? [] : [`frame-src${others}`]),
    // Completing a priced order leads on to where it is paid.
    `form-action 'self' ${env.PAYMENT_ORIGIN ?? "https://checkout.stripe.com"}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

const fixed = {
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "referrer-policy": "same-origin",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export const securityHeaders = (env: Env): Record<string, string> => ({
  "content-security-policy": contentPolicy(env),
  ...fixed,
});
