/** Answers of Redis as the JSON of Upstash's REST API, written by hand because integers may exceed 2^53. */
import type { Reply } from "./connection.ts";

/** `{"result":…}` or `{"error":…}` */
export function writeOutcome(reply: Reply, base64: boolean): string {
  if (reply instanceof Error) return writeError(reply.message);
  // "OK" is the one string Upstash never encodes, and only where it is the whole answer.
  if (base64 && Buffer.isBuffer(reply) && isOk(reply)) return '{"result":"OK"}';
  return `{"result":${base64 ? writeBase64(reply) : writeText(reply)}}`;
}

export function writeError(message: string): string {
  return `{"error":${JSON.stringify(message)}}`;
}

function writeText(reply: Reply): string {
  if (Buffer.isBuffer(reply)) return JSON.stringify(reply.toString("utf8"));
  if (Array.isArray(reply)) return `[${reply.map(writeText).join(",")}]`;
  return reply instanceof Error ? JSON.stringify(reply.message) : (reply ?? "null");
}

function writeBase64(reply: Reply): string {
  if (Buffer.isBuffer(reply)) return `"${reply.toString("base64")}"`;
  if (Array.isArray(reply)) return `[${reply.map(writeBase64).join(",")}]`;
  if (reply instanceof Error) return `"${Buffer.from(reply.message).toString("base64")}"`;
  return reply ?? "null";
}

const isOk = (text: Buffer) => text.length === 2 && text[0] === 0x4f && text[1] === 0x4b;
