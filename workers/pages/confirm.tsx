/**
 * Where the link of a confirmation e-mail leads. Opening it does nothing yet: programs that look into e-mails open links
 * too. The button does it.
 */
import type { PublicSale } from "../../domain/api.ts";
import type { Notice } from "./notice.ts";
import { page } from "./layout.tsx";
import { forScript, visitPath } from "./sale.tsx";

export const confirmPath = (saleId: string) => `/sales/${saleId}/confirm`;

export function confirmPage(sale: PublicSale, token: string, notice?: Notice): string {
  return page({
    title: `Confirm · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">Is this your address?</h1>
        {notice !== undefined && (
          <div class="notice" role="alert">
            <p>{notice.text}</p>
          </div>
        )}
        <p class="lead">Confirm it, and you can join the line with it, on this device and others.</p>
        <form method="post" action={confirmPath(sale.id)}>
          <input type="hidden" name="token" value={token} />
          <button class="button">Confirm my address</button>
        </form>
      </div>
    ),
  });
}

export function confirmedPage(sale: PublicSale): string {
  return page({
    title: `Confirmed · ${sale.name}`,
    children: (
      <div class="alone" id="live" data-sale={forScript(sale)} data-handover='{"confirmed":true}'>
        <p class="kicker">{sale.name}</p>
        <h1 class="title">Your address is confirmed</h1>
        <p class="lead">You can join the line with it, on this device and others.</p>
        <form method="post" action={`${visitPath(sale.id)}/join`}>
          <button class="button">Join the line</button>
        </form>
        <p>
          <a class="button button-plain" href={`/sales/${sale.id}`}>
            To the sale
          </a>
        </p>
      </div>
    ),
  });
}
