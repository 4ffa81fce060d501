/** `watch`: how a sale stands, drawn anew every two seconds until Ctrl-C. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { liveSchema, type Live } from "../domain/api.ts";
import { facts, NOTHING, table, time } from "./output.ts";
import { begin, examples, pathOf, saleArgument, whole } from "./program.ts";
import { Ended } from "./refused.ts";

const EVERY_MS = 2_000;
const HOME_AND_CLEAR = "\u001b[H\u001b[J";

export function defineWatch(program: Command): void {
  program
    .command("watch")
    .description("how a sale stands, live, until Ctrl-C; not at a terminal, a line each time")
    .argument(...saleArgument)
    .option("--times <number>", "look so often, then end", whole(1, 1_000_000))
    .addHelpText("after", examples("watch spring", "watch spring --json | jq .line.waiting"))
    .action(async (sale: string, { times = Infinity }: { times?: number }, command: Command) => {
      const { api, out } = begin(command);
      const ended = new AbortController();
      const end = () => ended.abort();
      process.once("SIGINT", end).once("SIGTERM", end);
      const redraws = process.stdout.isTTY && !out.json;
      let before: Live | undefined;
      for (let look = 1; !ended.signal.aborted; look++) {
        let text: string;
        try {
          const live = await api.call(liveSchema, `${pathOf(sale)}/live`);
          text = out.json ? JSON.stringify(live) : redraws ? screen(sale, live, before) : line(live);
          before = live;
        } catch (error) {
          // What never was is refused; what was goes on being looked for.
          if (!(error instanceof Ended) || before === undefined) throw error;
          text = out.json ? JSON.stringify({ error: error.message }) : `no answer: ${error.message}`;
        }
        process.stdout.write(`${redraws ? HOME_AND_CLEAR : ""}${text}\n`);
        if (look >= times) break;
        await sleep(EVERY_MS, undefined, { signal: ended.signal }).catch(() => undefined);
      }
      process.off("SIGINT", end).off("SIGTERM", end);
    });
}

const sum = (items: Live["items"], of: "stock" | "available" | "held" | "confirmed") =>
  items.reduce((all, item) => all + item[of], 0);

const line = ({ now, phase, mode, line: people, items, outbox }: Live) =>
  [
    time(now),
    `${phase}${mode === "normal" ? "" : ` (${mode})`}`,
    `in line ${people.waiting}`,
    `inside ${people.inside}`,
    `held ${sum(items, "held")}`,
    `sold ${sum(items, "confirmed")}/${sum(items, "stock")}`,
    `outbox ${outbox.entries}`,
  ].join("  ");

function screen(sale: string, live: Live, before: Live | undefined): string {
  const { line: people, release, items, outbox, stored } = live;
  const seconds = before === undefined ? 0 : (Date.parse(live.now) - Date.parse(before.now)) / 1000;
  const perSecond = (now: number, was: number | undefined) =>
    seconds > 0 && was !== undefined ? ` (${((now - was) / seconds).toFixed(1)} a second)` : "";
  const sold = sum(items, "confirmed");
  return [
    facts([
      ["sale", `${sale}  ${live.phase}  mode ${live.mode}  epoch ${live.epoch}  ${time(live.now)} UTC`],
      ["joined", `${people.joined}${perSecond(people.joined, before?.line.joined)}`],
      ["now serving", `${people.nowServing}${perSecond(people.nowServing, before?.line.nowServing)}`],
      ["in line, inside", `${people.waiting}, ${people.inside} (holds ${people.holds})`],
      [
        "release",
        `${release.last} of ${release.size} every ${release.everySeconds} s, bound by ${release.boundBy || NOTHING}`,
      ],
      [
        "sold",
        `${sold} of ${sum(items, "stock")}${perSecond(sold, before && sum(before.items, "confirmed"))}`,
      ],
      ["outbox", `${outbox.entries} entries, ${outbox.lagSeconds.toFixed(1)} s behind`],
      [
        "Postgres",
        stored &&
          `${stored.orders} orders, ${stored.discrepancies} discrepancies, ledger differs by ${stored.ledgerDifference}`,
      ],
    ]),
    table(
      ["sku", "stock", "available", "slots", "held", "sold"],
      items.map((item) => [item.sku, item.stock, item.available, item.slots, item.held, item.confirmed]),
      "",
    ),
    "Ctrl-C ends.",
  ].join("\n");
}
