/**
 * The hosted payment page as HTML: plain, without scripts, readable by keyboard and screen reader. What the shop says
 * (names, URLs) is escaped by the `html` template; session ids of the address are never shown.
 */
import { html } from "hono/html";
import { formatAmount } from "./currency.ts";
import type { Intent, LineItem, SessionRecord } from "./state.ts";

type Html = ReturnType<typeof html>;

/** Served as a file of its own: the policy allows no style inside a page. */
export const css = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 0 auto; padding: 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: 0.4rem 0; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
.amount { text-align: right; white-space: nowrap; }
form { display: grid; gap: 0.6rem; margin: 1.5rem 0; }
button { font: inherit; padding: 0.7rem; cursor: pointer; }
[role="alert"] { padding: 0.6rem; border: 2px solid #c00; }
`;

const page = (title: string, body: Html, head: Html | "" = "") =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        ${head}
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
        <footer>
          <p><small>A local stand-in for Stripe: no money moves.</small></p>
        </footer>
      </body>
    </html>`;

const row = ({ description, quantity, amount_total, currency }: LineItem) =>
  html`<tr>
    <td>${description}</td>
    <td class="amount">${quantity}</td>
    <td class="amount">${formatAmount(amount_total, currency)}</td>
  </tr>`;

const order = ({ session, lineItems }: SessionRecord) =>
  html`<table>
    <thead>
      <tr>
        <th scope="col">Item</th>
        <th scope="col" class="amount">Quantity</th>
        <th scope="col" class="amount">Amount</th>
      </tr>
    </thead>
    <tbody>
      ${lineItems.map(row)}
    </tbody>
    <tfoot>
      <tr>
        <th scope="row" colspan="2">Total</th>
        <td class="amount"><strong>${formatAmount(session.amount_total, session.currency)}</strong></td>
      </tr>
    </tfoot>
  </table>`;

const back = ({ session }: SessionRecord) =>
  session.cancel_url === null ? "" : html`<p><a href="${session.cancel_url}">Back to the shop</a></p>`;

/** @param intent with the error of the last try, if there was one */
export const payPage = (record: SessionRecord, intent: Intent | undefined) =>
  page(
    "Pay",
    html`${
        intent?.last_payment_error
          ? html`<p role="alert">${intent.last_payment_error.message} You can try again.</p>`
          : ""
      }
      ${order(record)}
      <form method="post">
        <label>
          E-mail
          <input
            type="email"
            name="email"
            required
            value="${record.session.customer_email ?? "buyer@example.com"}"
          />
        </label>
        <button name="card" value="ok">Pay</button>
        <button name="card" value="declined">Pay with a card that is declined</button>
        <button name="card" value="slow">Pay slowly</button>
      </form>
      ${back(record)}`,
  );

/** Asks again by itself, and goes on to the shop once the bank has agreed. */
export const waitingPage = (record: SessionRecord) =>
  page(
    "Waiting for your bank",
    html`<p role="status">
        Your bank is checking the payment. This page goes on by itself, or
        <a href="?waiting">check now</a>.
      </p>
      ${order(record)}${back(record)}`,
    html`<meta http-equiv="refresh" content="1; url=?waiting" />`,
  );

/** @param successUrl with the session's id filled in */
export const completePage = (record: SessionRecord, successUrl: string) =>
  page(
    "Already paid",
    html`<p>This payment is complete; it cannot be paid a second time.</p>
      ${order(record)}
      <p><a href="${successUrl}">Go to your order</a></p>`,
  );

export const expiredPage = (record: SessionRecord) =>
  page(
    "This checkout has expired",
    html`<p>Nothing was charged. It can no longer be paid.</p>
      ${back(record)}`,
  );

export const missingPage = () =>
  page("No such checkout", html`<p>Check the address, or go back to the shop and try again.</p>`);
