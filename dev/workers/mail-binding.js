// What stands behind the functions' `EMAIL` binding here: the same method as the platform's, into the local mailbox, with
// the platform's rules for headers (https://developers.cloudflare.com/email-service/reference/headers/) and codes of errors.
// Only here, `List-Unsubscribe` may be http: on this machine there is no https.
// Text, not a module of this program: it runs in workerd.
import { WorkerEntrypoint } from "cloudflare:workers";

const allowed = new Set(
  (
    "in-reply-to references list-unsubscribe list-unsubscribe-post list-id list-archive list-help list-owner list-post " +
    "list-subscribe precedence auto-submitted content-language keywords comments importance priority sensitivity " +
    "organization require-recipient-valid-since expires reply-by archived-at"
  ).split(" "),
);
const useField = new Set(["from", "to", "cc", "bcc", "subject", "reply-to"]);

export default class extends WorkerEntrypoint {
  async send({ from, to, replyTo, subject, text, html, headers = {} }) {
    for (const [name, value] of Object.entries(headers)) checkHeader(name.toLowerCase(), value);
    const answer = await fetch(`${this.env.MAILBOX_URL}/api/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        from: textOf(from),
        to,
        replyTo: textOf(replyTo),
        subject,
        text,
        html,
        messageId: headers["X-Message-Id"],
        headers,
      }),
    });
    if (answer.status === 429) throw refusal("E_RATE_LIMIT_EXCEEDED");
    if (answer.status >= 500) throw refusal("E_INTERNAL_SERVER_ERROR");
    if (!answer.ok) throw refusal("E_VALIDATION_ERROR");
    return { messageId: (await answer.json()).id };
  }
}

function checkHeader(name, value) {
  if (useField.has(name)) throw refusal("E_HEADER_USE_API_FIELD");
  if (!allowed.has(name) && !/^x-[a-z0-9_-]+$/.test(name)) throw refusal("E_HEADER_NOT_ALLOWED");
  if (new TextEncoder().encode(value).length > 2048) throw refusal("E_HEADER_VALUE_TOO_LONG");
  const isUri = /^<(https:|mailto:|http:\/\/(localhost|127\.0\.0\.1)[:/])[^<>\s]*>$/.test(value);
  if (value === "" || /[\r\n]/.test(value) || (name === "list-unsubscribe" && !isUri))
    throw refusal("E_HEADER_VALUE_INVALID");
}

const textOf = (address) => (typeof address === "object" ? `${address.name} <${address.email}>` : address);

const refusal = (code) => Object.assign(new Error("the mailbox refused it"), { code });
