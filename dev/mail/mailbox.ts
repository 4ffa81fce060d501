/**
 * The e-mail box of the local stack: what the shop sent, in memory, newest first. It stands for Cloudflare e-mail and
 * never sends anything. Accepted: it forgets when the process ends, and the oldest messages when it is full.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";

const headerLine = (charsMax: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(charsMax)
    .regex(/^[^\r\n]*$/, "must be one line");

/** What is handed in; at least one of `text` and `html`. Unknown fields are refused. */
export const deliverySchema = z
  .strictObject({
    from: headerLine(320),
    to: headerLine(320),
    subject: headerLine(998),
    text: z.string().max(200_000).optional(),
    html: z.string().max(200_000).optional(),
    /** The sender's own id, kept as it is: a message sent twice is listed twice, so that tests notice. */
    messageId: headerLine(998).optional(),
    replyTo: headerLine(320).optional(),
    /** As the sender set them. */
    headers: z.record(headerLine(100), headerLine(2048)).optional(),
  })
  .refine(({ text, html }) => text !== undefined || html !== undefined, {
    path: ["text"],
    message: "text or html is needed",
  });

export type Delivery = z.output<typeof deliverySchema>;

export interface Message extends Delivery {
  id: string;
  /** ISO 8601, UTC. */
  receivedAt: string;
}

export interface Mailbox {
  /** @throws ZodError when the message is not one */
  deliver: (delivery: Delivery) => Message;
  /** Newest first; with `to`, only that address (case does not count, `Name <address>` is understood). */
  list: (to?: string) => Message[];
  get: (id: string) => Message | undefined;
  clear: () => void;
}

const address = (to: string) => (/<([^<>]+)>\s*$/.exec(to)?.[1] ?? to).trim().toLowerCase();

/** @param messagesMax how many are kept; a rehearsal of thousands must fit */
export function createMailbox(messagesMax = 50_000, now: () => number = Date.now): Mailbox {
  let messages = new Map<string, Message>();
  return {
    deliver(delivery) {
      const message: Message = {
        id: randomUUID(),
        receivedAt: new Date(now()).toISOString(),
        ...deliverySchema.parse(delivery),
      };
      messages.set(message.id, message);
      for (const oldest of messages.keys()) {
        if (messages.size <= messagesMax) break;
        messages.delete(oldest);
      }
      return message;
    },
    list(to) {
      const newestFirst = [...messages.values()].reverse();
      return to === undefined
        ? newestFirst
        : newestFirst.filter((message) => address(message.to) === address(to));
    },
    get: (id) => messages.get(id),
    clear: () => void (messages = new Map<string, Message>()),
  };
}
