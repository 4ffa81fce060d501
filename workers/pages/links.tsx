/** The pages behind the links of e-mails: each asks once more, and says what came of it. */
import type { Child } from "hono/jsx";
import type { PublicSale, Registration } from "../../domain/api.ts";
import { registrationTexts } from "../../static/assets/line.js";
import { utcText } from "./format.ts";
import { page } from "./layout.tsx";
import type { Notice } from "./notice.ts";
import { forScript, visitPath } from "./sale.tsx";

export function confirmPage(sale: PublicSale, token: string, notice?: Notice): string {
  return asking({
    sale,
    token,
    notice,
    path: "confirm",
    title: "Is this your address?",
    button: "Confirm my address",
    children: (
      <p class="lead">
        {sale.slots === undefined
          ? "Confirm it, and you can join the line with it, on this device and others."
          : "Confirm it, and you are on the list for one of the units that are set aside."}
      </p>
    ),
  });
}

export function slotPage(sale: PublicSale, token: string, notice?: Notice): string {
  return asking({
    sale,
    token,
    notice,
    path: "slot",
    title: "A unit is set aside for you",
    button: "Come in",
    children: (
      <p class="lead">
        The sale opens <Time at={sale.opensAt} />.
        {sale.slots !== undefined && (
          <>
            {" "}
            Your unit is kept until <Time at={sale.slots.claimUntil} />; then it goes to the line.
          </>
        )}
      </p>
    ),
  });
}

export function cancelPage(sale: PublicSale, token: string, notice?: Notice): string {
  return asking({
    sale,
    token,
    notice,
    path: "unregister",
    title: "Take your registration back?",
    button: "Take it back",
    children: (
      <p class="lead">
        Your address is deleted. If you have a slot, it goes to somebody else and does not come back.
      </p>
    ),
  });
}

export function confirmedPage(sale: PublicSale, registration: Registration): string {
  const texts = registrationTexts(registration, {
    decides: utcText(registration.decidesAt),
    opens: utcText(sale.opensAt),
    until: utcText(registration.claimUntil ?? sale.closesAt),
  });
  const isLineOpen = sale.phase === "lobby" || sale.phase === "open";
  return page({
    title: `Confirmed · ${sale.name}`,
    children: (
      <div
        class="alone"
        id="live"
        data-sale={forScript(sale)}
        data-handover={JSON.stringify({ confirmed: true, registration })}
      >
        <p class="kicker">{sale.name}</p>
        <h1 class="title">Your address is confirmed</h1>
        {texts
          .filter((text) => text !== "")
          .map((text) => (
            <p class="lead">{text}</p>
          ))}
        {isLineOpen && (
          <form method="post" action={`${visitPath(sale.id)}/join`}>
            <button class="button">Join the line</button>
          </form>
        )}
        <p>
          <a class="button button-plain" href={visitPath(sale.id)}>
            To the sale
          </a>
        </p>
      </div>
    ),
  });
}

export function cancelledPage(sale: PublicSale): string {
  return page({
    title: `Taken back · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">Your registration is taken back</h1>
        <p class="lead">Your address is deleted. You can register again as long as registration is open.</p>
        <p>
          <a class="button button-plain" href={`/sales/${sale.id}`}>
            To the sale
          </a>
        </p>
      </div>
    ),
  });
}

interface Asking {
  sale: PublicSale;
  token: string;
  notice: Notice | undefined;
  path: string;
  title: string;
  button: string;
  children: Child;
}

function asking({ sale, token, notice, path, title, button, children }: Asking): string {
  return page({
    title: `${title} · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">{title}</h1>
        {notice !== undefined && (
          <div class="notice" role="alert">
            <p>{notice.text}</p>
          </div>
        )}
        {children}
        <form method="post" action={`/sales/${sale.id}/${path}`}>
          <input type="hidden" name="token" value={token} />
          <button class="button">{button}</button>
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

const Time = ({ at }: { at: string }) => <time datetime={at}>{utcText(at)}</time>;
