/** The pages behind the links of e-mails: each asks once more, and says what came of it. */
import type { Child } from "hono/jsx";
import type { PublicSale, Registration } from "../../domain/api.ts";
import { registrationTexts } from "../../static/assets/line.js";
import { page } from "./layout.tsx";
import type { Notice } from "./notice.ts";
import { salePath, visitPath } from "./paths.ts";
import { forScript, registrationTimes } from "./sale.tsx";
import type { Speech } from "./speech.ts";

/** What is asked: to whom, of which sale, by which link, and what went wrong before. */
export interface Asked {
  say: Speech;
  sale: PublicSale;
  token: string;
  notice?: Notice | undefined;
}

export function confirmPage(asked: Asked): string {
  const { m } = asked.say;
  return asking(asked, "confirm", m.isThisYours, m.confirmAddress, [
    asked.sale.slots === undefined ? m.confirmJoin : m.confirmSlot,
  ]);
}

export function slotPage(asked: Asked): string {
  const { say, sale } = asked;
  const time = (at: string) => <time datetime={at}>{say.utc(at)}</time>;
  return asking(asked, "slot", say.m.setAsideTitle, say.m.comeIn, [
    ...say.m.saleOpens(time(sale.opensAt)),
    " ",
    ...(sale.slots === undefined ? [] : say.m.unitKeptUntil(time(sale.slots.claimUntil))),
  ]);
}

export function cancelPage(asked: Asked): string {
  const { m } = asked.say;
  return asking(asked, "unregister", m.takeBackTitle, m.takeBack, [m.takeBackMore]);
}

export function confirmedPage(say: Speech, sale: PublicSale, registration: Registration): string {
  const { m } = say;
  const isLineOpen = sale.phase === "lobby" || sale.phase === "open";
  return page({
    say,
    path: `/sales/${sale.id}/visit`,
    title: `${m.confirmed} · ${sale.name}`,
    children: (
      <div
        class="alone"
        id="live"
        data-sale={forScript(sale)}
        data-handover={JSON.stringify({ confirmed: true, registration })}
      >
        <p class="kicker">{sale.name}</p>
        <h1 class="title">{m.confirmedTitle}</h1>
        {registrationTexts(m, registration, registrationTimes(say, sale, registration))
          .filter((text) => text !== "")
          .map((text) => (
            <p class="lead">{text}</p>
          ))}
        {isLineOpen && (
          <form method="post" action={`${visitPath(say, sale.id)}/join`}>
            <button class="button">{m.join}</button>
          </form>
        )}
        <p>
          <a class="button button-plain" href={visitPath(say, sale.id)}>
            {m.toTheSale}
          </a>
        </p>
      </div>
    ),
  });
}

export function cancelledPage(say: Speech, sale: PublicSale): string {
  const { m } = say;
  return page({
    say,
    path: `/sales/${sale.id}`,
    title: `${m.takenBack} · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">{m.takenBackTitle}</h1>
        <p class="lead">{m.takenBackMore}</p>
        <p>
          <a class="button button-plain" href={salePath(say, sale.id)}>
            {m.toTheSale}
          </a>
        </p>
      </div>
    ),
  });
}

function asking(
  { say, sale, token, notice }: Asked,
  path: string,
  title: string,
  button: string,
  lead: Child[],
): string {
  return page({
    say,
    path: `/sales/${sale.id}/${path}?token=${encodeURIComponent(token)}`,
    title: `${title} · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">{title}</h1>
        {notice !== undefined && (
          <div class="notice" role="alert">
            <p>{notice.text}</p>
            {notice.details.map((detail) => (
              <p>{detail}</p>
            ))}
          </div>
        )}
        <p class="lead">{lead}</p>
        <form method="post" action={`${salePath(say, sale.id)}/${path}`}>
          <input type="hidden" name="token" value={token} />
          <button class="button">{button}</button>
        </form>
        <p>
          <a class="button button-plain" href={salePath(say, sale.id)}>
            {say.m.toTheSale}
          </a>
        </p>
      </div>
    ),
  });
}
