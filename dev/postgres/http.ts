/** Reading requests and writing answers of the gateway, without frameworks: bodies have a limit, answers are JSON. */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * The body as text, or undefined if it is longer than `bytesMax`: the rest is then read and dropped, so that the
 * client gets to hear the answer instead of a broken pipe.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes > bytesMax ? undefined : Buffer.concat(chunks).toString("utf8");
}

export function reply(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed) return;
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": text.length,
    ...headers,
  });
  response.end(text);
}
