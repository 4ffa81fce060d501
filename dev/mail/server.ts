/**
 * The mailbox over HTTP: pages for people, JSON for the shop and the tests. Listens on this machine only, without
 * authentication; deliveries must be JSON, which keeps pages of other origins from posting any.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createFaults, strike, type Faults } from "../faults.ts";
import { createMailbox, deliverySchema, type Mailbox } from "./mailbox.ts";
import { css, listPage, messagePage, missingPage } from "./pages.ts";

const pagePolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");
/** A message's own HTML: inline styles and embedded images, links that open elsewhere, nothing else. */
const bodyPolicy =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

const BODY_BYTES_MAX = 1024 * 1024;

const problem = (status: 400 | 404 | 413 | 415 | 422 | 500, type: string, title: string, more: object = {}) =>
  Response.json(
    { type, title, status, ...more },
    { status, headers: { "content-type": "application/problem+json" } },
  );

/** The routes, for a server or for `app.request()` in tests. */
export function createMailApp(mailbox: Mailbox): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    if (!c.res.headers.has("Content-Security-Policy")) c.header("Content-Security-Policy", pagePolicy);
  });
  app.onError((error) => problem(500, "internal", error.name));
  app.notFound(() => problem(404, "not_found", "There is nothing here."));

  app.get("/", (c) => {
    const to = c.req.query("to")?.trim() ?? "";
    return c.html(listPage(mailbox.list(to === "" ? undefined : to), to));
  });
  app.get("/style.css", (c) => c.body(css, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.get("/messages/:id", (c) => {
    const message = mailbox.get(c.req.param("id"));
    return message ? c.html(messagePage(message)) : c.html(missingPage(), 404);
  });
  app.get("/messages/:id/html", (c) => {
    const body = mailbox.get(c.req.param("id"))?.html;
    if (body === undefined) return c.html(missingPage(), 404);
    // Links of a message leave its frame; the sandbox would keep them in.
    return c.html(`<base target="_blank">${body}`, 200, { "Content-Security-Policy": bodyPolicy });
  });

  app.get("/api/messages", (c) => c.json({ messages: mailbox.list(c.req.query("to")) }));
  app.delete("/api/messages", (c) => {
    mailbox.clear();
    return c.body(null, 204);
  });
  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError: () => problem(413, "too_large", "The message is too large."),
  });
  app.post("/api/messages", limit, async (c) => {
    if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
      return problem(415, "unsupported_media_type", "A message is sent as application/json.");
    }
    let body: unknown;
    try {
      body = await c.req.json();
    } catch {
      return problem(400, "not_json", "The body is not JSON.");
    }
    const delivery = deliverySchema.safeParse(body);
    if (!delivery.success) {
      const errors = delivery.error.issues.map(({ path, message }) => ({
        pointer: path.map((key) => `/${String(key)}`).join(""),
        detail: message,
      }));
      return problem(422, "invalid", "The message is not complete.", { errors });
    }
    return c.json(mailbox.deliver(delivery.data), 201);
  });
  return app;
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req) {
    if (!(chunk instanceof Buffer)) continue;
    bytes += chunk.length;
    // One byte over is enough for the limit of the route to refuse it.
    if (bytes <= BODY_BYTES_MAX + chunk.length) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function toRequest(req: IncomingMessage, body: Buffer): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headersDistinct)) {
    for (const each of value ?? []) headers.append(name, each);
  }
  const method = req.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(new URL(req.url ?? "/", "http://mail.local"), {
    method,
    headers,
    body: hasBody ? new Uint8Array(body) : null,
  });
}

function serve(app: Hono, faults: Faults): Server {
  return createServer((req, res) => {
    void (async () => {
      const body = await readBody(req);
      const fault = req.method === "POST" ? faults.take(body.toString()) : undefined;
      const refuse = (status: number) => void res.writeHead(status).end();
      if (fault !== undefined && (await strike(fault, res, refuse))) return;
      const answer = await app.fetch(toRequest(req, body));
      if (fault?.kind === "lose_answer") {
        res.destroy();
        return;
      }
      res.writeHead(answer.status, Object.fromEntries(answer.headers));
      res.end(Buffer.from(await answer.arrayBuffer()));
    })().catch(() => res.destroy());
  });
}

export interface MailServer {
  url: string;
  port: number;
  mailbox: Mailbox;
  /** What may go wrong with deliveries. */
  faults: Faults;
  close: () => Promise<void>;
}

/** @param options.port 0 or absent: any free port. A taken port rejects with Node's EADDRINUSE error. */
export async function startMailbox(options: { port?: number; mailbox?: Mailbox } = {}): Promise<MailServer> {
  const mailbox = options.mailbox ?? createMailbox();
  const faults = createFaults();
  const server = serve(createMailApp(mailbox), faults);
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    mailbox,
    faults,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
