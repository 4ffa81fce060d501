/**
 * The hosted payment page's routes. Every answer to a form is a redirect, so that going back or reloading never pays a
 * second time; what to show follows from the session alone.
 */
import { Hono, type Context } from "hono";
import { completePage, css, expiredPage, missingPage, payPage, waitingPage } from "./page.ts";
import { pay } from "./payments.ts";
import type { Account, SessionRecord } from "./state.ts";

const cards = ["ok", "declined", "slow"] as const;

export function createHostedPages(account: Account): Hono {
  const { sessions, intents } = account.store;
  const pages = new Hono();

  pages.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    c.header("Content-Security-Policy", policy(sessions.get(c.req.param("id") ?? "")));
  });

  pages.get("/style.css", (c) => c.body(css, 200, { "Content-Type": "text/css; charset=utf-8" }));

  pages.get("/pay/:id", (c) => {
    const record = sessions.get(c.req.param("id"));
    if (record === undefined) return c.html(missingPage(), 404);
    const { session } = record;
    const intent = intents.get(session.payment_intent ?? "");
    switch (session.status) {
      case "complete":
        if (c.req.query("waiting") !== undefined) return c.redirect(successUrl(record), 303);
        return c.html(completePage(record, successUrl(record)));
      case "expired":
        return c.html(expiredPage(record));
      case "open":
        return c.html(intent?.status === "requires_action" ? waitingPage(record) : payPage(record, intent));
    }
  });

  pages.post("/pay/:id", async (c) => {
    const id = c.req.param("id");
    const record = sessions.get(id);
    if (record === undefined) return c.html(missingPage(), 404);
    const { card, email } = await filledIn(c);
    if (card === undefined) return c.redirect(`/pay/${id}`, 303);
    const result = pay(account, id, { card, ...(email !== undefined && { email }) });
    // Whoever pressed twice has paid as well.
    const isPaid =
      result.outcome === "paid" || (result.outcome === "refused" && result.reason === "session_complete");
    return c.redirect(isPaid ? successUrl(record) : `/pay/${id}`, 303);
  });
  return pages;
}

async function filledIn(c: Context): Promise<{ card?: (typeof cards)[number]; email?: string }> {
  const { card, email } = await c.req.parseBody();
  const known = cards.find((one) => one === card);
  return {
    ...(known !== undefined && { card: known }),
    ...(typeof email === "string" && /^\S+@\S+$/.test(email) && { email }),
  };
}

/** Parsed, because a header takes no letters beyond Latin 1. */
const successUrl = ({ session }: SessionRecord) =>
  new URL(session.success_url.replaceAll("{CHECKOUT_SESSION_ID}", session.id)).href;

/** Browsers hold a form's redirects against the policy too, so the shop's own origin is named. */
function policy(record: SessionRecord | undefined): string {
  const shop = record === undefined ? "" : ` ${new URL(record.session.success_url).origin}`;
  return [
    "default-src 'none'",
    "style-src 'self'",
    `form-action 'self'${shop}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
