/** Bodies at the door: small, and what they are said to be; anything else does not reach the functions. */
import { isRefusal, refuse, type Refusal } from "../domain/refusal.ts";

export const BODY_MAX_BYTES = 16 * 1024;

/** `event`: of Stripe, JSON that quotes whole objects. `csv`: a list of an operator. */
export type BodyKind = keyof typeof kinds;
const kinds = {
  json: { type: "application/json", bytesMax: BODY_MAX_BYTES },
  event: { type: "application/json", bytesMax: 256 * 1024 },
  csv: { type: "text/csv", bytesMax: 1024 * 1024 },
};
/** What is read of a body that is too large: a client that is still sending would not hear the answer. */
const DISCARD_MAX_BYTES = 2 * 1024 * 1024;

export interface Body {
  text: string | undefined;
  /** What the text says, where it is JSON. */
  json: unknown;
  /** As it is to be passed on. */
  type: string;
}

/**
 * Reads a request's body.
 * @returns its text and what it says, both `undefined` when there is none
 */
export async function readKind(
  request: Request,
  kind: BodyKind,
): Promise<Body | Refusal<"body_too_large" | "unsupported_media_type" | "malformed_json">> {
  const { type, bytesMax } = kinds[kind];
  const body = await readBody(request, bytesMax);
  if (isRefusal(body)) return body;
  if (body.byteLength === 0) return { text: undefined, json: undefined, type };
  const said = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (said !== type) return refuse("unsupported_media_type");
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
    return { text, json: kind === "csv" ? undefined : JSON.parse(text), type };
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
