/**
 * A double of Cloudflare Turnstile: the widget's script, and `siteverify` with its words. It checks nobody: a token says
 * itself how it is to be judged, and each is good once.
 *
 * - `pass-…` is a person, `fail-…` a bot, `old-…` a token that has timed out; anything else is no token of ours
 * - the widget gives a new `pass-…` when its button is pressed
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { z } from "zod";

const TURNSTILE_SECRET = "local-turnstile-secret";

const asked = z.object({ secret: z.string(), response: z.string() });

export interface TurnstileDouble {
  verifyUrl: string;
  scriptUrl: string;
  /** The edge's variables for it. */
  edge: Record<string, string>;
  /** How many tokens were verified. */
  verified: () => number;
  close: () => Promise<void>;
}

const script = `globalThis.turnstile = {
  render(container, options) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-plain";
    button.textContent = "I am a person";
    button.addEventListener("click", () => options.callback("pass-" + crypto.randomUUID()));
    container.append(button);
    return "widget";
  },
  remove() {},
};
`;

export async function startTurnstile(): Promise<TurnstileDouble> {
  const used = new Set<string>();
  const judge = (response: string): string[] => {
    if (response.startsWith("old-") || used.has(response)) return ["timeout-or-duplicate"];
    used.add(response);
    return response.startsWith("pass-") ? [] : ["invalid-input-response"];
  };
  let verified = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET" && request.url?.startsWith("/api.js") === true) {
      response.writeHead(200, { "content-type": "text/javascript" }).end(script);
      return;
    }
    if (request.method !== "POST" || request.url !== "/siteverify") {
      response.writeHead(404).end();
      return;
    }
    verified++;
    const body = asked.safeParse(JSON.parse(await text(request)));
    const codes = !body.success
      ? ["bad-request"]
      : body.data.secret !== TURNSTILE_SECRET
        ? ["invalid-input-secret"]
        : judge(body.data.response);
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ success: codes.length === 0, "error-codes": codes }));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const [verifyUrl, scriptUrl] = [`${url}/siteverify`, `${url}/api.js`];
  return {
    verifyUrl,
    scriptUrl,
    edge: {
      TURNSTILE_SECRET,
      TURNSTILE_SITE_KEY: "local-site-key",
      TURNSTILE_VERIFY_URL: verifyUrl,
      TURNSTILE_SCRIPT_URL: scriptUrl,
    },
    verified: () => verified,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
