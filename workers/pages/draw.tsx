/** The draw of a sale, checked: everything here follows from what is public. Cached and the same for everybody. */
import type { Draw, PublicSale } from "../../domain/api.ts";
import { page } from "./layout.tsx";
import { drawPath, salePath } from "./paths.ts";
import type { Speech } from "./speech.ts";

export interface Checked {
  /** Whether the seed is the one that was committed to; undefined before it is published. */
  isCommitted: boolean | undefined;
  /** What was asked for: a number of the lobby, and its place where there is such a number. */
  asked?: { number: number; place: number | undefined } | undefined;
}

interface DrawPage extends Checked {
  say: Speech;
  sale: PublicSale;
  draw: Draw;
}

export function drawPage({ say, sale, draw, isCommitted, asked }: DrawPage): string {
  const { m, count, utc } = say;
  return page({
    say,
    path: `/sales/${sale.id}/draw`,
    title: `${m.draw} · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">{m.draw}</h1>
        <p class="lead">{m.drawMore}</p>
        <dl class="facts">
          <div>
            <dt>{m.fingerprint}</dt>
            <dd>
              <code>{draw.commitment}</code>
            </dd>
          </div>
          {draw.seed !== undefined && (
            <>
              <div>
                <dt>{m.secret}</dt>
                <dd>
                  <code>{draw.seed}</code>
                </dd>
              </div>
              <div>
                <dt>{m.numbersInLobby}</dt>
                <dd>{count(draw.count ?? 0)}</dd>
              </div>
              <div>
                <dt>{m.isAnnounced}</dt>
                <dd>{isCommitted === true ? m.yes : m.no}</dd>
              </div>
            </>
          )}
        </dl>
        {draw.seed === undefined ? (
          <p>{m.secretComes(<time datetime={sale.opensAt}>{utc(sale.opensAt)}</time>)}</p>
        ) : (
          <form class="register" method="get" action={drawPath(say, sale.id)}>
            <label>
              {m.aNumber}
              <input
                type="number"
                name="number"
                min="1"
                max={String(Math.max(1, draw.count ?? 1))}
                required
                value={asked === undefined ? "" : String(asked.number)}
              />
            </label>
            <button class="button">{m.compute}</button>
          </form>
        )}
        {asked !== undefined && (
          <p role="status">
            {asked.place === undefined ? m.noNumber(asked.number) : m.hasPlace(asked.number, asked.place)}
          </p>
        )}
        <p class="quiet">
          {m.computation(
            <a href="/assets/draw.js">draw.js</a>,
            <a href={`/api/sales/${sale.id}`}>{m.publicData}</a>,
          )}
        </p>
        <p>
          <a class="button button-plain" href={salePath(say, sale.id)}>
            {m.backToTheSale}
          </a>
        </p>
      </div>
    ),
  });
}
