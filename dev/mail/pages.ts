/**
 * The mailbox as pages. Everything a message says is escaped by the `html` template; its own HTML is shown only in a
 * sandboxed frame, from an address of its own whose policy forbids scripts and every request.
 */
import { html } from "hono/html";
import type { Message } from "./mailbox.ts";

type Html = ReturnType<typeof html>;

/** Served as a file of its own: the policy allows no style inside a page. */
export const css = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: 0.4rem 0.6rem; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid #8886; }
iframe { width: 100%; height: 32rem; border: 1px solid #8886; background: #fff; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
`;

const LISTED_MAX = 200;

const page = (title: string, body: Html) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html>`;

const time = (at: string) => html`<time datetime="${at}">${at.slice(0, 19).replace("T", " ")} UTC</time>`;

const filter = (to: string) =>
  html`<form>
    <label>To <input name="to" type="search" value="${to}" placeholder="any address" /></label>
    <button>Show</button>
  </form>`;

/** Which parts a message has. */
const parts = ({ text, html: body }: Message) =>
  [text === undefined ? "" : "text", body === undefined ? "" : "HTML"].filter(Boolean).join(", ");

const row = (message: Message) =>
  html`<tr>
    <td><a href="/messages/${message.id}">${message.subject}</a></td>
    <td>${message.to}</td>
    <td>${message.from}</td>
    <td>${parts(message)}</td>
    <td>${time(message.receivedAt)}</td>
  </tr>`;

/** @param messages newest first */
export function listPage(messages: Message[], to: string): Html {
  const shown = messages.slice(0, LISTED_MAX);
  const table = html`<table>
    <thead>
      <tr>
        <th scope="col">Subject</th>
        <th scope="col">To</th>
        <th scope="col">From</th>
        <th scope="col">Parts</th>
        <th scope="col">Received</th>
      </tr>
    </thead>
    <tbody>
      ${shown.map(row)}
    </tbody>
  </table>`;
  const more =
    messages.length > shown.length
      ? html`<p>${messages.length - shown.length} older ones are not shown.</p>`
      : "";
  const content = messages.length === 0 ? html`<p>No e-mail yet.</p>` : html`${table}${more}`;
  return page(
    "Mailbox",
    html`<h1>Mailbox</h1>
      ${filter(to)}${content}`,
  );
}

/** Web addresses in plain text become links: they are what one opens these messages for. */
const linked = (text: string) =>
  text
    .split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)])/)
    .map((part, i) => (i % 2 === 1 ? html`<a href="${part}" rel="noreferrer">${part}</a>` : html`${part}`));

export function messagePage({
  id,
  from,
  to,
  subject,
  text,
  html: body,
  receivedAt,
  messageId,
  replyTo,
  headers = {},
}: Message): Html {
  const more: [string, string | undefined][] = [
    ["Reply to", replyTo],
    ["Message id", messageId],
    ...Object.entries(headers).filter(([, value]) => value !== messageId),
  ];
  return page(
    subject,
    html`<p><a href="/">Mailbox</a></p>
      <h1>${subject}</h1>
      <dl>
        <dt>From</dt>
        <dd>${from}</dd>
        <dt>To</dt>
        <dd>${to}</dd>
        <dt>Received</dt>
        <dd>${time(receivedAt)}</dd>
        ${more.map(([name, value]) =>
          value === undefined
            ? ""
            : html`<dt>${name}</dt>
                <dd>${linked(value)}</dd>`,
        )}
      </dl>
      ${
        body === undefined
          ? ""
          : html`<h2>HTML</h2>
              <iframe
                title="The message as HTML"
                sandbox="allow-popups allow-popups-to-escape-sandbox"
                src="/messages/${id}/html"
              ></iframe>`
      }
      ${
        text === undefined
          ? ""
          : html`<h2>Text</h2>
              <pre>${linked(text)}</pre>`
      }`,
  );
}

export const missingPage = () =>
  page(
    "No such message",
    html`<h1>No such message</h1>
      <p><a href="/">Mailbox</a></p>`,
  );
