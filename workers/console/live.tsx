/**
 * The live page of a sale: rendered whole, then drawn anew each second by console-live.js. What it polls is the operator's
 * live call itself, passed through with the session, so that a second of an open console is one call.
 */
import { Hono } from "hono";
import type { Live, Session } from "../../domain/api.ts";
import type { Sale } from "../../domain/sale.ts";
import { alertsOf, figuresOf } from "../../static/assets/figures.js";
import { doneOf } from "./actions.tsx";
import type { Answer } from "../answer.ts";
import { ask, send, statusOf } from "./ask.ts";
import type { ConsoleContext, Ctx } from "./context.ts";
import { Controls } from "./controls.tsx";
import { page, salePath } from "./frame.tsx";
import { FigureCell } from "./parts.tsx";
import { readSale, SALE } from "./sale.ts";
import { Time } from "./time.tsx";

export const readLive = (c: Ctx): Promise<Answer<Live>> =>
  ask<Live>(c, { method: "GET", path: `/api/admin/sales/${c.req.param("sale") ?? ""}/live` });

/** Before anybody is asked who they are: the call it passes on asks that itself. */
export const liveData = new Hono<ConsoleContext>();

liveData.get(`${SALE}/live.json`, async (c) => {
  const { status, headers, body } = await send(c, {
    method: "GET",
    path: `/api/admin/sales/${c.req.param("sale")}/live`,
  });
  const type = headers.get("content-type") ?? "application/json";
  return new Response(body, { status, headers: { "content-type": type, "cache-control": "no-store" } });
});

export const live = new Hono<ConsoleContext>();

live.get(SALE, async (c) => {
  const [sale, now] = await Promise.all([readSale(c), readLive(c)]);
  const { who } = c.var;
  if (!sale.ok)
    return c.html(
      page({ title: "Live", who, area: "/admin", refused: sale, children: null }),
      statusOf(c, sale),
    );
  const settled = !now.ok && now.problem.type === "not_found";
  const html = page({
    title: "Live",
    who,
    sale: sale.value,
    tab: "",
    done: doneOf(c.req.query("done")),
    refused: now.ok || settled ? undefined : now,
    scripts: settled ? [] : ["console-live.js"],
    styles: ["charts/uPlot.min.css", "console-live.css"],
    children: settled ? (
      <p>
        This sale is settled: <a href={salePath(sale.value.id, "/report")}>the report</a> says what it came
        to.
      </p>
    ) : (
      <Screen sale={sale.value} now={now} who={who} />
    ),
  });
  return c.html(html, now.ok || settled ? 200 : statusOf(c, now));
});

function Screen({ sale, now, who }: { sale: Sale; now: Answer<Live>; who: Session }) {
  const path = salePath(sale.id);
  return (
    <div id="live" data-url={`${path}/live.json`} data-sale={sale.id} data-currency={sale.currency}>
      {now.ok ? <Standing live={now.value} sale={sale} path={path} /> : <Away path={path} />}
      <div class="live-grid">
        <div class="live-numbers">{now.ok && <Numbers live={now.value} currency={sale.currency} />}</div>
        <div class="live-main">
          {now.ok && <div id="charts" class="charts" hidden></div>}
          {now.ok && <Items live={now.value} sale={sale} />}
        </div>
        <div class="live-side">
          {who.role === "operator" && <Controls sale={sale} now={now} />}
          {now.ok && <System live={now.value} currency={sale.currency} />}
        </div>
      </div>
    </div>
  );
}

function Standing({ live: now, sale, path }: { live: Live; sale: Sale; path: string }) {
  const { phase, mode } = figuresOf(now, sale.currency);
  return (
    <>
      <div class="standing">
        <p class="standing-now">
          <span class={`tag tag-${phase.state}`} data-tag="phase">
            {phase.text}
          </span>{" "}
          <span class={`tag tag-${mode.state}`} data-tag="mode">
            {mode.text}
          </span>
        </p>
        <p class="quiet">
          <span data-countdown="" data-opens={sale.opensAt} data-closes={sale.closesAt}>
            Opens <Time iso={sale.opensAt} />, closes <Time iso={sale.closesAt} />
          </span>
        </p>
        <p class="quiet freshness" id="freshness">
          As of <Time iso={now.now} /> · <a href={path}>Reload</a>
        </p>
      </div>
      <div id="alerts" aria-live="polite">
        {alertsOf(now).map(({ state, text }) => (
          <p class={`note note-${state}`}>{text}</p>
        ))}
      </div>
    </>
  );
}

const Away = ({ path }: { path: string }) => (
  <p class="quiet freshness" id="freshness">
    There are no figures now. <a href={path}>Reload</a>
  </p>
);

/** Big ones first: what an operator looks at. */
const numbers = {
  waiting: "In line",
  inside: "Inside",
  held: "Reserved",
  sold: "Sold",
  money: "Money captured",
  admissions: "Admissions a second",
  orders: "Orders a second",
} as const;

function Numbers({ live: now, currency }: { live: Live; currency: string }) {
  const figures = figuresOf(now, currency);
  return (
    <section aria-label="Figures">
      <dl class="figures figures-big">
        {Object.entries(numbers).map(([name, label]) => (
          <FigureCell name={name} label={label} figure={figures[name as keyof typeof numbers]} />
        ))}
      </dl>
    </section>
  );
}

const system = {
  boundBy: "What bounds a release",
  limited: "Answers 429",
  failed: "Answers 5xx",
  lag: "Outbox behind",
  discrepancies: "Discrepancies",
  ledger: "Ledger differs by",
  memory: "Redis memory",
  billed: "Billed commands",
  epoch: "Epoch",
} as const;

function System({ live: now, currency }: { live: Live; currency: string }) {
  const figures = figuresOf(now, currency);
  return (
    <section class="card" aria-labelledby="system">
      <h2 id="system">System</h2>
      <dl class="figures figures-list">
        {Object.entries(system).map(([name, label]) => (
          <FigureCell name={name} label={label} figure={figures[name as keyof typeof system]} />
        ))}
      </dl>
    </section>
  );
}

function Items({ live: now, sale }: { live: Live; sale: Sale }) {
  const names = new Map(sale.items.map(({ sku, name }) => [sku, name]));
  const accounts = ["stock", "available", "slots", "held", "confirmed"] as const;
  return (
    <div class="scroll" role="region" aria-label="Items" tabindex={0}>
      <table id="items">
        <caption>Items</caption>
        <thead>
          <tr>
            <th scope="col">Item</th>
            {["Stock", "Left", "Slots", "Reserved", "Sold"].map((head) => (
              <th scope="col" class="num">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {now.items.map((item) => (
            <tr data-sku={item.sku}>
              <th scope="row">
                {names.get(item.sku) ?? item.sku} <span class="id">{item.sku}</span>
              </th>
              {accounts.map((account) => (
                <td class="num" data-account={account}>
                  {item[account].toLocaleString("en")}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
