/** The mailbox of the local stack, as somebody who reads one address has it. */
import { z } from "zod";

const listing = z.object({ messages: z.array(z.object({ text: z.string() })) });

export interface Mailbox {
  /** The tokens in links to a page such as `confirm` or `slot`, the newest first; none while there is no such e-mail. */
  tokens: (email: string, page: string) => Promise<string[]>;
}

export function createMailbox(url: string): Mailbox {
  return {
    async tokens(email, page) {
      const answer = await fetch(`${url}/api/messages?to=${encodeURIComponent(email)}`);
      const { messages } = listing.parse(await answer.json());
      const link = new RegExp(`/${page}\\?token=([\\w.-]+)`);
      return messages.flatMap(({ text }) => link.exec(text)?.[1] ?? []);
    },
  };
}
