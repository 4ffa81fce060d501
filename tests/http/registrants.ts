/** People who register by e-mail, as browsers with a mailbox: what they are sent, and what their cookies keep. */
import { z } from "zod";
import type { Stack } from "../../dev/stack.ts";
import { ask, newAddress, until, type Answer, type Ask } from "./harness.ts";

const message = z.object({
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string().optional(),
});
export type Mail = z.output<typeof message>;

/** What the mailbox has for an address, newest first. */
export async function mailsTo(stack: Stack, email: string): Promise<Mail[]> {
  const answer = await fetch(`${stack.mailbox.url}/api/messages?to=${encodeURIComponent(email)}`);
  return z.object({ messages: z.array(message) }).parse(await answer.json()).messages;
}

/** The token in the link of an e-mail to a page, such as `confirm` or `slot`. */
export function tokenIn({ text }: Mail, page: string): string | undefined {
  return new RegExp(`/${page}\\?token=([\\w.-]+)`).exec(text)?.[1];
}

export function registrant(stack: Stack, sale: string, email: string) {
  const address = newAddress();
  const base = `/api/sales/${sale}`;
  const cookies = new Map<string, string>();
  const call = async (path: string, more: Ask = {}): Promise<Answer> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await ask(stack, base + path, {
      address,
      ...more,
      headers: { ...(cookie === "" ? {} : { cookie }), ...more.headers },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = line.split(";")[0]?.split("=") ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
  const self = {
    email,
    cookies,
    call,
    register: (body: object = { email }) => call("/registrations", { body }),
    /** The token of the newest e-mail with a link to a page. */
    async mailed(page: string): Promise<string> {
      const tokens = await until(
        async () => (await mailsTo(stack, email)).flatMap((mail) => tokenIn(mail, page) ?? []),
        (found) => found.length > 0,
      );
      return tokens[0] ?? "";
    },
    confirm: (token: string) => call("/registrations/confirm", { body: { token } }),
    async registerAndConfirm(): Promise<Answer> {
      const asked = await self.register();
      if (asked.status !== 202) throw new Error(`not taken: ${JSON.stringify(asked.json)}`);
      return await self.confirm(await self.mailed("confirm"));
    },
    mine: () => call("/registrations/mine"),
    /** Once it is final who has a slot. */
    decided: () =>
      until(
        () => self.mine(),
        ({ json }) => json.decided === true,
      ),
    join: (slotToken?: string) =>
      call("/queue", slotToken === undefined ? { method: "POST" } : { body: { slotToken } }),
    enter: () => call("/entry", { method: "POST" }),
    reserve: (reservationId: string, lines = [{ sku: "shoe", quantity: 1 }]) =>
      call("/reservations", { body: { reservationId, lines } }),
    checkout: (id: string) => call(`/reservations/${id}/checkout`, { method: "POST" }),
  };
  return self;
}

let people = 0;
/** Nobody else's. */
export const newEmail = (name = "ann") => `${name}.${++people}.${Date.now().toString(36)}@mail.test`;
