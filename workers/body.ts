/**
 * Bodies at the door: small, there within their time, and what they are said to be; anything else does not reach the
 * functions. Accepted: who is cut off for a slow line sends it again, as after any broken connection.
 */
import { isRefusal, refuse, type Refusal } from "../domain/refusal.ts";

export const BODY_MAX_BYTES = 16 * 1024;
/** A byte a second would keep the door busy for hours. */
export const BODY_WITHIN_MS = 10_000;

/** `definition`: of a sale, with a hundred items. `event`: of Stripe, JSON that quotes whole objects. `csv`: a list of an operator. */
export type BodyKind = keyof typeof kinds;
const kinds = {
  json: { type: "application/json", bytesMax: BODY_MAX_BYTES, withinMs: BODY_WITHIN_MS },
  definition: { type: "application/json", bytesMax: 128 * 1024, withinMs: BODY_WITHIN_MS },
  event: { type: "application/json", bytesMax: 256 * 1024, withinMs: BODY_WITHIN_MS },
  csv: { type: "text/csv", bytesMax: 1024 * 1024, withinMs: 60_000 },
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
): Promise<Body | Refusal<NotRead | "unsupported_media_type" | "malformed_json" | "invalid_input">> {
  const { type, bytesMax, withinMs } = kinds[kind];
  const body = await readBody(request, bytesMax, withinMs);
  if (isRefusal(body)) return body;
  if (body.byteLength === 0) return { text: undefined, json: undefined, type };
  const said = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (said !== type) return refuse("unsupported_media_type", { detail: `It has to be ${type}.` });
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
    const json: unknown = kind === "csv" ? undefined : JSON.parse(text);
    // Only escapes can say what is no text, and few bodies have any.
    const pointer = kind !== "event" && text.includes("\\u") ? placeOfNoText(json) : undefined;
    if (pointer === undefined) return { text, json, type };
    return refuse("invalid_input", {
      errors: [{ pointer, detail: "not a text: a character of it is none" }],
    });
  } catch {
    if (kind !== "csv") return refuse("malformed_json");
    return refuse("invalid_input", {
      errors: [{ pointer: "", detail: "not UTF-8: save the list as CSV in UTF-8" }],
    });
  }
}

/**
 * Where in JSON a text stands that no database takes: with a zero, or with half of a pair of surrogates. Found here, because
 * Redis takes it and Postgres does not, so that one would have what the other refuses. Without recursion: JSON may be deep.
 */
function placeOfNoText(json: unknown): string | undefined {
  const isText = (text: string) => text.isWellFormed() && !text.includes("\0");
  const left: [pointer: string, value: unknown][] = [["", json]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [pointer, value] = next;
    if (typeof value === "string" && !isText(value)) return pointer;
    if (typeof value !== "object" || value === null) continue;
    for (const [name, inside] of Object.entries(value)) {
      if (!isText(name)) return pointer;
      left.push([`${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, inside]);
    }
  }
  return undefined;
}

type NotRead = "body_too_large" | "body_incomplete";

/** Reads so many bytes and no more, whatever length was announced, and waits for them so long and no longer. */
export async function readBody(
  request: Request,
  bytesMax: number,
  withinMs: number,
): Promise<Uint8Array<ArrayBuffer> | Refusal<NotRead>> {
  const body: ReadableStream<Uint8Array> | null = request.body;
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), withinMs);
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    while (size <= DISCARD_MAX_BYTES) {
      const read = await Promise.race([reader.read(), late]);
      if (read === "late") return refuse("body_incomplete");
      if (read.done) break;
      size += read.value.byteLength;
      if (size <= bytesMax) chunks.push(read.value);
    }
  } catch {
    // The client went away, or what it sends is no body.
    return refuse("body_incomplete");
  } finally {
    clearTimeout(timer);
    // What is still to come is not waited for.
    void reader.cancel().catch(() => undefined);
  }
  if (size > bytesMax) return refuse("body_too_large", { detail: `${bytesMax / 1024} KB at the most.` });
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
