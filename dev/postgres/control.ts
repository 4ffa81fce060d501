/**
 * The gateway's own paths, for rehearsals and tests in another process: figures and fault switches. Whoever lacks the
 * bearer token gets 401 and learns nothing.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { faultSchema, type Faults } from "../faults.ts";
import { readBody, reply } from "./http.ts";

export interface ControlContext {
  token: string;
  faults: Faults;
  stats: () => object;
}

const bodyBytesMax = 16 * 1024;

/** `GET /_gateway/stats`; `GET`, `POST` (one rule) and `DELETE` (all) `/_gateway/faults`, answered with the rules left. */
export async function control(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { token, faults, stats }: ControlContext,
): Promise<void> {
  const refuse = (status: number, message: string) => reply(response, status, { message });
  if (!bears(request, token)) {
    refuse(401, "bearer token required");
    return;
  }
  switch (`${request.method ?? ""} ${path}`) {
    case "GET /_gateway/stats":
      reply(response, 200, stats());
      break;
    case "GET /_gateway/faults":
      reply(response, 200, faults.list());
      break;
    case "POST /_gateway/faults": {
      const rule = faultSchema.safeParse(parse(await readBody(request, bodyBytesMax)));
      if (!rule.success) {
        refuse(422, rule.error.message);
        break;
      }
      faults.add(rule.data);
      reply(response, 200, faults.list());
      break;
    }
    case "DELETE /_gateway/faults":
      faults.clear();
      reply(response, 200, faults.list());
      break;
    default:
      refuse(404, "not found");
  }
}

function bears(request: IncomingMessage, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ""), digest(`Bearer ${token}`));
}

function parse(body: string | undefined): unknown {
  try {
    return JSON.parse(body ?? "");
  } catch {
    return undefined;
  }
}
