/**
 * Signing in and out. The functions check the token and make a session of it; the browser keeps that in a cookie that no
 * script and no other site can use. Every page asks anew whose it is, so that another token ends it at once.
 */
import { Hono, type MiddlewareHandler } from "hono";
import type { Session } from "../../domain/api.ts";
import { cookie, SESSION_COOKIE, setCookie } from "../../domain/credential.ts";
import { ACCESS_HEADER } from "../../domain/internal.ts";
import type { Refused } from "../answer.ts";
import { ask, formOf, statusOf } from "./ask.ts";
import type { ConsoleContext, Ctx } from "./context.ts";
import { page } from "./frame.tsx";

export const signIn = new Hono<ConsoleContext>();

signIn.get("/sign-in", (c) => c.html(signInPage(targetOf(c.req.query("to")))));

signIn.post("/sign-in", async (c) => {
  const field = await formOf(c);
  const to = targetOf(field("to"));
  const signedIn = await ask<Session & { session: string }>(c, {
    method: "POST",
    path: "/api/admin/session",
    body: { name: field("name") },
    // A header takes no spaces, and a token has none.
    bearer: field("token").replace(/[^\x21-\x7e]/g, "") || "none",
  });
  if (!signedIn.ok) return c.html(signInPage(to, signedIn, field("name")), statusOf(c, signedIn));
  const { session, expiresAt } = signedIn.value;
  const seconds = Math.floor((Date.parse(expiresAt ?? "") - Date.now()) / 1000);
  c.header("set-cookie", setCookie(SESSION_COOKIE, session, seconds, "Strict"));
  return c.redirect(to, 303);
});

signIn.post("/sign-out", (c) => {
  c.header("set-cookie", setCookie(SESSION_COOKIE, "", 0, "Strict"));
  // Access keeps a session of its own.
  return c.redirect(
    c.req.header(ACCESS_HEADER) === undefined ? "/admin/sign-in" : "/cdn-cgi/access/logout",
    303,
  );
});

/** Lets through who is signed in, and shows the way to the others. */
export const signedIn: MiddlewareHandler<ConsoleContext> = async (c, next) => {
  const who = await ask<Session>(c, { method: "GET", path: "/api/admin/session" });
  if (who.ok) {
    c.set("who", who.value);
    await next();
    return undefined;
  }
  if (who.problem.type !== "unauthorized") return c.html(outOfReach(c, who), statusOf(c, who));
  if (cameByLink(c)) return c.html(comeAgain(c));
  const to = c.req.method === "GET" ? `?to=${encodeURIComponent(pathOf(c))}` : "";
  return c.redirect(`/admin/sign-in${to}`, 303);
};

/** A link on another site brings no cookie along; the page it leads to, asking for itself once more, does. */
const cameByLink = (c: Ctx) =>
  c.req.method === "GET" &&
  ["cross-site", "same-site"].includes(c.req.header("sec-fetch-site") ?? "") &&
  cookie(c.req.raw.headers, SESSION_COOKIE) === undefined;

const comeAgain = (c: Ctx) =>
  page({
    title: "One moment",
    who: undefined,
    refresh: { seconds: 0, url: pathOf(c) },
    children: (
      <p>
        <a href={pathOf(c)}>Go on to the console</a>
      </p>
    ),
  });

function pathOf(c: Ctx): string {
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}

/** Where to go after signing in: a page of the console and nothing else. */
function targetOf(to = ""): string {
  const here = "https://console.invalid";
  if (!URL.canParse(to, here)) return "/admin";
  const { origin, pathname, search } = new URL(to, here);
  return origin === here && /^\/admin(?:\/|$)/.test(pathname) ? pathname + search : "/admin";
}

const outOfReach = (c: Ctx, refused: Refused) =>
  page({
    title: "Out of reach",
    who: undefined,
    refused,
    children: (
      <p>
        <a class="button" href={pathOf(c)}>
          Try again
        </a>
      </p>
    ),
  });

function signInPage(to: string, refused?: Refused, name = ""): string {
  const isWrong = refused?.problem.type === "unauthorized";
  const shown = isWrong ? undefined : refused;
  return page({
    title: "Sign in",
    who: undefined,
    refused: shown,
    children: (
      <form class="card sign-in" method="post" action="/admin/sign-in">
        <h1>Sign in</h1>
        <input type="hidden" name="to" value={to} />
        <div class={isWrong ? "field field-bad" : "field"}>
          <label for="token">Token</label>
          <input
            type="password"
            id="token"
            name="token"
            required
            autofocus
            autocomplete="current-password"
            maxlength={1000}
            aria-describedby={isWrong ? "token-hint token-wrong" : "token-hint"}
            aria-invalid={isWrong ? "true" : undefined}
          />
          {isWrong && (
            <p class="wrong" id="token-wrong" role="alert">
              This is not a token of this shop.
            </p>
          )}
          <p class="hint" id="token-hint">
            ADMIN_TOKEN to run sales, VIEWER_TOKEN to watch them.
          </p>
        </div>
        <div class="field">
          <label for="name">Your name</label>
          <input
            id="name"
            name="name"
            maxlength={60}
            autocomplete="name"
            value={name}
            aria-describedby="name-hint"
          />
          <p class="hint" id="name-hint">
            For the audit log; may be left empty.
          </p>
        </div>
        <p class="actions">
          <button class="button button-main">Sign in</button>
        </p>
      </form>
    ),
  });
}
