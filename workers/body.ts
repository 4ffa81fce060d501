/** Bodies at the door: small, JSON, and said to be JSON; anything else does not reach the functions. */
import { isRefusal, refuse, type Refusal } from "../domain/refusal.ts";

export const BODY_MAX_BYTES = 16 * 1024;
/** Of an event of Stripe, which quotes whole objects. */
export const EVENT_MAX_BYTES = 256 * 1024;
/** What is read of a body that is too large: a client that is still sending would not hear the answer. */
const DISCARD_MAX_BYTES = 1024 * 1024;

export interface Body {
  text: string | undefined;
  /** What the text says. */
  json: unknown;
}

/**
 * Reads a request's body.
 * @returns its text and what it says, both `undefined` when there is none
 */
export async function readJsonBody(
  request: Request,
  bytesMax: number,
): Promise<Body | Refusal<"body_too_large" | "unsupported_media_type" | "malformed_json">> {
  const body = await readBody(request, bytesMax);
  if (isRefusal(body)) return body;
  if (body.byteLength === 0) return { text: undefined, json: undefined };
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") return refuse("unsupported_media_type");
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
    return { text, json: JSON.parse(text) };
  } catch {
    return refuse("malformed_json");
  }
}

/** Reads so many bytes and no more, whatever length was announced. */
export async function readBody(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | Refusal<"body_too_large">> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = request.body;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size <= bytesMax) chunks.push(chunk);
    if (size > DISCARD_MAX_BYTES) break;
  }
  if (size > bytesMax) return refuse("body_too_large");
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
