/** Files of the API, which want a bearer token, for a browser that has a session: sent on as they come. */
import { send } from "./ask.ts";
import type { Ctx } from "./context.ts";
import { salePath, type Tab } from "./frame.tsx";

const passedOn = ["content-type", "content-disposition"];

/** @param back the page to go to where there is no file, which says why */
export async function passFile(c: Ctx, path: string, back: Tab): Promise<Response> {
  const answer = await send(c, { method: "GET", path });
  if (!answer.ok) {
    await answer.body?.cancel();
    return c.redirect(salePath(c.req.param("sale") ?? "", back), 303);
  }
  const headers = new Headers({ "cache-control": "no-store" });
  for (const name of passedOn) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(answer.body, { headers });
}
