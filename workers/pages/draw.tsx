/** The draw of a sale, checked: everything here follows from what is public. Cached and the same for everybody. */
import type { Draw, PublicSale } from "../../domain/api.ts";
import { count } from "../../static/assets/line.js";
import { utcText } from "./format.ts";
import { page } from "./layout.tsx";

export const drawPath = (saleId: string) => `/sales/${saleId}/draw`;

export interface Checked {
  /** Whether the seed is the one that was committed to; undefined before it is published. */
  isCommitted: boolean | undefined;
  /** What was asked for: a number of the lobby, and its place where there is such a number. */
  asked?: { number: number; place: number | undefined } | undefined;
}

interface DrawPage extends Checked {
  sale: PublicSale;
  draw: Draw;
}

export function drawPage({ sale, draw, isCommitted, asked }: DrawPage): string {
  return page({
    title: `The draw · ${sale.name}`,
    children: (
      <div class="alone">
        <p class="kicker">{sale.name}</p>
        <h1 class="title">The draw</h1>
        <p class="lead">
          Everybody who is in the lobby when the sale opens gets a place by lot. Nobody can know or choose it:
          it follows from a secret whose fingerprint stands here since the sale was announced.
        </p>
        <dl class="facts">
          <div>
            <dt>Fingerprint (SHA-256 of the secret)</dt>
            <dd>
              <code>{draw.commitment}</code>
            </dd>
          </div>
          {draw.seed !== undefined && (
            <>
              <div>
                <dt>Secret</dt>
                <dd>
                  <code>{draw.seed}</code>
                </dd>
              </div>
              <div>
                <dt>Numbers in the lobby</dt>
                <dd>{count(draw.count ?? 0)}</dd>
              </div>
              <div>
                <dt>Is it the secret that was announced?</dt>
                <dd>{isCommitted === true ? "Yes" : "No"}</dd>
              </div>
            </>
          )}
        </dl>
        {draw.seed === undefined ? (
          <p>
            The secret is published when the sale opens,{" "}
            <time datetime={sale.opensAt}>{utcText(sale.opensAt)}</time>. From then on anybody can compute
            every place.
          </p>
        ) : (
          <form class="register" method="get" action={drawPath(sale.id)}>
            <label>
              A number of the lobby
              <input
                type="number"
                name="number"
                min="1"
                max={String(Math.max(1, draw.count ?? 1))}
                required
                value={asked === undefined ? "" : String(asked.number)}
              />
            </label>
            <button class="button">Compute its place</button>
          </form>
        )}
        {asked !== undefined && (
          <p role="status">
            {asked.place === undefined
              ? `There is no number ${asked.number} in this lobby.`
              : `Number ${count(asked.number)} has place ${count(asked.place)}.`}
          </p>
        )}
        <p class="quiet">
          The computation is <a href="/assets/draw.js">draw.js</a>; to run it yourself, see the sale's{" "}
          <a href={`/api/sales/${sale.id}`}>public data</a>.
        </p>
        <p>
          <a class="button button-plain" href={`/sales/${sale.id}`}>
            Back to the sale
          </a>
        </p>
      </div>
    ),
  });
}
