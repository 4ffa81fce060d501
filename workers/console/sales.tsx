/** All sales: what needs an operator's eye first. */
import { Hono } from "hono";
import type { Overview } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext } from "./context.ts";
import { page, salePath } from "./frame.tsx";
import { Time } from "./time.tsx";

type Line = Overview["sales"][number];

export const sales = new Hono<ConsoleContext>();

sales.get("/", async (c) => {
  const answer = await ask<Overview>(c, { method: "GET", path: "/api/admin/overview" });
  const frame = { title: "Sales", who: c.var.who, area: "/admin" } as const;
  if (!answer.ok) return c.html(page({ ...frame, refused: answer, children: null }), statusOf(c, answer));
  const { now, sales: all } = answer.value;
  const isOperator = c.var.who.role === "operator";
  return c.html(
    page({
      ...frame,
      children: (
        <>
          <div class="head">
            <h1>Sales</h1>
            {isOperator && (
              <a class="button button-main" href="/admin/new">
                New sale
              </a>
            )}
          </div>
          {all.length === 0 ? <Empty isOperator={isOperator} /> : <Table sales={inOrder(all, now)} />}
        </>
      ),
    }),
  );
});

/** Who is at work first: on sale, then the next to open, then what waits to be settled, then the past. */
const ranks: Record<Phase, number> = {
  open: 0,
  sold_out: 1,
  lobby: 0,
  registration: 2,
  scheduled: 2,
  closed: 1,
  settled: 3,
};

export function inOrder(sales: Line[], now: string): Line[] {
  const apart = ({ opensAt }: Line) => Math.abs(Date.parse(opensAt) - Date.parse(now));
  return sales.toSorted((a, b) => ranks[a.phase] - ranks[b.phase] || apart(a) - apart(b));
}

function Empty({ isOperator }: { isOperator: boolean }) {
  return (
    <section class="card">
      <h2>There are no sales yet</h2>
      {isOperator ? (
        <>
          <p>
            Define one: what is sold, how much of it, and when it opens. It can be changed until its line
            opens, and the checklist says what is still missing.
          </p>
          <p class="actions">
            <a class="button button-main" href="/admin/new">
              Define the first sale
            </a>
            <a class="button" href="/admin/new?from=file">
              Take one from a file
            </a>
          </p>
        </>
      ) : (
        <p>An operator can define one.</p>
      )}
    </section>
  );
}

function Table({ sales: lines }: { sales: Line[] }) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Sales">
      <table>
        <thead>
          <tr>
            <th scope="col">Sale</th>
            <th scope="col">Phase</th>
            <th scope="col">State</th>
            <th scope="col" class="num">
              Sold
            </th>
            <th scope="col" class="num">
              Held
            </th>
            <th scope="col" class="num">
              In line
            </th>
            <th scope="col" class="num">
              Inside
            </th>
            <th scope="col">Opens</th>
            <th scope="col">Closes</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr>
              <th scope="row">
                <a href={salePath(line.id)}>{line.name}</a>
                <br />
                <span class="id">{line.id}</span>
              </th>
              <td>
                <Phase phase={line.phase} />
              </td>
              <td>
                <Light line={line} />
              </td>
              <td class="num">
                {count(line.sold)} of {count(line.stock)}
                <progress max={Math.max(1, line.stock)} value={line.sold} aria-hidden="true"></progress>
              </td>
              <td class="num">{count(line.held)}</td>
              <td class="num">{line.line === null ? "–" : count(line.line.waiting)}</td>
              <td class="num">{line.line === null ? "–" : count(line.line.inside)}</td>
              <td>
                <Time iso={line.opensAt} />
              </td>
              <td>
                <Time iso={line.closesAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const count = (n: number) => n.toLocaleString("en");

const phaseWords: Record<Phase, [string, "good" | "warn" | ""]> = {
  scheduled: ["Scheduled", ""],
  registration: ["Registration", ""],
  lobby: ["Line is open", "good"],
  open: ["On sale", "good"],
  sold_out: ["Sold out", ""],
  closed: ["Closed", ""],
  settled: ["Settled", ""],
};

export function Phase({ phase }: { phase: Phase }) {
  const [text, tone] = phaseWords[phase];
  return <span class={tone === "" ? "tag" : `tag tag-${tone}`}>{text}</span>;
}

/** What is wrong or out of the ordinary, the worst first. */
function Light({ line }: { line: Line }) {
  const isOver = line.phase === "closed" || line.phase === "settled";
  const said: [string, "good" | "warn" | "bad"][] = [];
  if (line.redis === "missing") said.push(["Lost by Redis: rebuild", "bad"]);
  if (line.redis === "unavailable") said.push(["Redis does not answer", "bad"]);
  if (line.discrepancies > 0)
    said.push([`${count(line.discrepancies)} discrepanc${line.discrepancies === 1 ? "y" : "ies"}`, "bad"]);
  if (!isOver && line.mode !== "normal") said.push([`Mode ${line.mode}`, "warn"]);
  if (said.length === 0) said.push(["OK", "good"]);
  return (
    <span class="tags">
      {said.map(([text, tone]) => (
        <span class={`tag tag-${tone}`}>{text}</span>
      ))}
    </span>
  );
}
