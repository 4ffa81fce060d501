/** A browser without JavaScript, as far as the console needs one: a cookie, forms, and no following of redirects. */
import type { Stack } from "../../dev/stack.ts";
import { newAddress } from "../http/harness.ts";

export interface Page {
  status: number;
  html: string;
  headers: Headers;
  location: string;
}

export interface Browser {
  cookie: string;
  readonly address: string;
  get: (path: string, headers?: Record<string, string>) => Promise<Page>;
  post: (path: string, fields?: Record<string, string>, headers?: Record<string, string>) => Promise<Page>;
}

export function consoleBrowser(stack: Stack): Browser {
  const browser: Browser = {
    cookie: "",
    address: newAddress(),
    get: (path, headers) => ask("GET", path, undefined, headers),
    post: (path, fields = {}, headers) => ask("POST", path, new URLSearchParams(fields), headers),
  };
  async function ask(
    method: string,
    path: string,
    body: URLSearchParams | undefined,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    const answer = await fetch(stack.url + path, {
      method,
      redirect: "manual",
      headers: {
        "cf-connecting-ip": browser.address,
        ...(browser.cookie === "" ? {} : { cookie: browser.cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const pair = line.split(";")[0] ?? "";
      browser.cookie = pair.endsWith("=") ? "" : pair;
    }
    return {
      status: answer.status,
      html: await answer.text(),
      headers: answer.headers,
      location: answer.headers.get("location") ?? "",
    };
  }
  return browser;
}

/** Somebody at the console, signed in. */
export async function signedIn(stack: Stack, token = stack.adminToken, name = ""): Promise<Browser> {
  const browser = consoleBrowser(stack);
  const { status } = await browser.post("/admin/sign-in", { token, name });
  if (status !== 303) throw new Error(`not signed in: ${status}`);
  return browser;
}

/** The session in the cookie, as a bearer token. */
export const sessionIn = ({ cookie }: Browser) => cookie.slice(cookie.indexOf("=") + 1);
