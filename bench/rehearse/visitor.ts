/** What one shopper carries: a browser keeps cookies and says where it comes from, an app sends tokens it read from answers. */
import type { Answer } from "./http.ts";
import type { Plan } from "./crowd.ts";

export type Credential = "registration" | "ticket" | "pass";

export interface Visitor {
  /** Headers of a request of this shopper's own, with the token the step asks for. */
  headers: (method: string, credential?: Credential) => Record<string, string>;
  /** Headers of somebody with this token and nothing else. */
  bearing: (token: string) => Record<string, string>;
  take: (answer: Answer) => void;
  /** Tokens as the bodies carried them; browsers have no use for them, cheats do. */
  tokens: Partial<Record<Credential, string>>;
}

/** @param local only a system on this machine lets a client say which address it stands for */
export function createVisitor(plan: Pick<Plan, "client" | "address">, url: string, local: boolean): Visitor {
  const jar = new Map<string, string>();
  const tokens: Partial<Record<Credential, string>> = {};
  const { origin } = new URL(url);
  const always: Record<string, string> = local ? { "cf-connecting-ip": plan.address } : {};

  return {
    tokens,
    headers(method, credential) {
      const headers = { ...always };
      if (plan.client === "browser") {
        if (jar.size > 0) headers["cookie"] = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
        if (method !== "GET") {
          headers["origin"] = origin;
          headers["sec-fetch-site"] = "same-origin";
        }
      } else if (credential !== undefined && tokens[credential] !== undefined) {
        headers["authorization"] = `Bearer ${tokens[credential]}`;
      }
      return headers;
    },
    bearing: (token) => ({ ...always, authorization: `Bearer ${token}` }),
    take({ setCookies }) {
      if (plan.client !== "browser") return;
      for (const line of setCookies) {
        const [pair = "", ...attributes] = line.split(";");
        const at = pair.indexOf("=");
        const name = pair.slice(0, at).trim();
        if (attributes.some((attribute) => attribute.trim().toLowerCase() === "max-age=0")) jar.delete(name);
        else jar.set(name, pair.slice(at + 1).trim());
      }
    },
  };
}

/** The token with one character of its MAC changed: still well formed, no longer ours. */
export function forged(token: string): string {
  const at = token.lastIndexOf(".") + 4;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

/** The number a pass stands for: whoever holds a token can read it. Undefined when it is written otherwise. */
export function numberIn(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
    const isClaims = typeof claims === "object" && claims !== null && "number" in claims;
    return isClaims && typeof claims.number === "number" ? claims.number : undefined;
  } catch {
    return undefined;
  }
}
