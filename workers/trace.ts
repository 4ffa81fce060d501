/**
 * What a request is known by on its way: an id for people, and W3C trace context (traceparent) for tools. A trace that a
 * client begins is gone on with; whatever else it sends under the name is not believed.
 */

export interface Trace {
  /** Of the request: Cloudflare's ray where there is one. */
  requestId: string;
  traceId: string;
  /** What goes to the functions as `traceparent`. */
  parent: string;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

export function traceOf(headers: Headers): Trace {
  const [, traceId = randomHex(16), flags = "01"] = TRACEPARENT.exec(headers.get("traceparent") ?? "") ?? [];
  return {
    requestId: headers.get("cf-ray") ?? crypto.randomUUID(),
    traceId,
    parent: `00-${traceId}-${randomHex(8)}-${flags}`,
  };
}

const randomHex = (bytes: number) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
