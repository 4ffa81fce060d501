/** The report for people: three tables and the proof. */
import Table from "cli-table3";
import type { Report } from "./report.ts";

const plain = { style: { head: [], border: [] } };
const NOTHING = "–";

export function printReport(report: Report): string {
  return [latencies(report), outcome(report), proof(report)].join("\n\n");
}

function latencies({ latencies: byStep, requests }: Report): string {
  const table = new Table({
    ...plain,
    head: ["step", "requests", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    colAligns: ["left", "right", "right", "right", "right", "right"],
  });
  for (const [step, ranks] of Object.entries(byStep)) {
    if (step === "operator") continue;
    const sent = Object.entries(requests.byStep).find(([name]) => name === step)?.[1] ?? ranks.count;
    table.push([step, sent, ranks.p50, ranks.p95, ranks.p99, ranks.max]);
  }
  return table.toString();
}

function outcome(report: Report): string {
  const { units, shoppers, requests, redis, postgres, soldOutTold } = report;
  const table = new Table(plain);
  const row = (name: string, value: string) => table.push([name, value]);

  row("sold", `${units.sold} of ${units.stock}${units.unsold === 0 ? "" : ` (${units.unsold} unsold)`}`);
  if (units.items.length > 1)
    row("by item", units.items.map(({ sku, stock, sold }) => `${sku} ${sold}/${stock}`).join("\n"));
  row("orders in Postgres", shown(postgres?.orders));
  const { count, ...ends } = shoppers;
  row("shoppers", `${count} came\n${listed(ends)}`);
  if (report.draw !== null)
    row(
      "draw",
      `${report.draw.lobby} in the lobby, ${report.draw.servedOfLobby} of them got in · ${report.draw.latecomers} came later`,
    );
  if (report.slots !== null) for (const [name, value] of slots(report.slots)) row(name, value);
  row("refused, by word", listed(report.refusals));
  row("network errors", String(report.networkErrors));
  const { front, edge, functions, unknown } = requests.byLayer;
  row(
    "requests by layer",
    [
      `${requests.total} in all, ${requests.perSecond} a second`,
      `front ${front} · edge ${edge} · functions ${functions}${unknown > 0 ? ` · not said ${unknown}` : ""}`,
      `refreshes behind cached answers ${shown(requests.backgroundRefreshes)}`,
    ].join("\n"),
  );
  row(
    "absorbed before functions",
    `${percent(requests.absorbed)} of all, ${percent(requests.absorbedPolls)} of polls`,
  );
  row(
    "polls",
    report.pulse === null
      ? NOTHING
      : `${report.pulse.polls}, for which the pulse was made ${report.pulse.made} times, ${report.pulse.perSecond} a second`,
  );
  row(
    "script calls",
    redis === null
      ? NOTHING
      : `${redis.scriptCalls} · per purchase, all else included ${shown(redis.perPurchase.scriptCalls)} · per waiting shopper ${shown(redis.perWaitingShopper.scriptCalls)}`,
  );
  row(
    "billed Redis commands",
    redis === null
      ? NOTHING
      : `${redis.billedCommands} · per purchase, all else included ${shown(redis.perPurchase.billedCommands)} · per waiting shopper ${shown(redis.perWaitingShopper.billedCommands)}`,
  );
  if (report.purchase !== null) row("one purchase by itself", purchase(report.purchase));
  if (report.payments !== null) for (const [name, value] of payments(report.payments)) row(name, value);
  row("told that all is sold, after the last order", soldOutTold === null ? NOTHING : told(soldOutTold));
  row("duration", `${report.seconds.crowd} s, books settled in ${report.seconds.settling} s`);
  if (report.machine !== null) row("memory and CPU time", machine(report.machine));
  row("seed", String(report.seed));
  return table.toString();
}

function proof({ proof: checks, holds, complete }: Report): string {
  const lines = checks.flatMap((check) => [
    `${check.holds ? "✓" : "✗"} ${check.name} (§${check.rule}): ${check.states}`,
    ...check.evidence.map((line) => `    ${line}`),
    ...check.unjudged.map((line) => `    not judged: ${line}`),
  ]);
  const broken = checks.filter((check) => !check.holds).length;
  return [
    ...lines,
    "",
    !complete && broken === 0
      ? `Interrupted: so far ${checks.length} of the proof's checks can be made, and they hold.`
      : holds
        ? "Everything holds."
        : `${broken} of ${checks.length} checks do not hold.`,
  ].join("\n");
}

function purchase(price: NonNullable<Report["purchase"]>): string {
  const steps = Object.entries(price);
  const sum = (of: "scriptCalls" | "billedCommands") => steps.reduce((all, [, step]) => all + step[of], 0);
  const each = steps.map(
    ([name, { scriptCalls, billedCommands, stripe }]) =>
      `${name}: ${scriptCalls} · ${billedCommands}${Object.keys(stripe).length > 0 ? ` · Stripe ${listed(stripe).replaceAll("\n", ", ")}` : ""}`,
  );
  return [`${sum("scriptCalls")} script calls · ${sum("billedCommands")} billed commands`, ...each].join(
    "\n",
  );
}

function payments(paid: NonNullable<Report["payments"]>): [string, string][] {
  if (!paid.payable) return [["payments", "nobody could pay: there is no control of the payment page"]];
  const { cards, intents, captured, webhooks, stripe, toOrder, toPaid } = paid;
  const seconds = (ranks: typeof toOrder) =>
    ranks === null
      ? NOTHING
      : `p50 ${ranks.p50} s · p99 ${ranks.p99} s · max ${ranks.max} s (${ranks.count})`;
  return [
    ["charged", `${shown(captured)} ${paid.currency} in Stripe's units`],
    ["cards", listed(cards)],
    ["payments at the end", intents === null ? NOTHING : listed(intents)],
    [
      "webhooks",
      webhooks === null
        ? NOTHING
        : `${webhooks.events}, of which ${webhooks.lost} were lost and ${webhooks.repeated} came again`,
    ],
    ["from the bank's yes to the order", seconds(toOrder)],
    ["… to reading that it is paid", seconds(toPaid)],
    [
      "requests to Stripe",
      stripe === null
        ? NOTHING
        : `${stripe.requests} · per order, all else included ${shown(stripe.perOrder)}\n${listed(stripe.byCall)}`,
    ],
  ];
}

function slots({ registrants, latencies, pass, ...of }: NonNullable<Report["slots"]>): [string, string][] {
  const { planned, confirmed, tookBackBefore, tookBackAfter } = registrants;
  const ms = (ranks: typeof pass) =>
    ranks === null ? NOTHING : `p50 ${ranks.p50} ms · p99 ${ranks.p99} ms · max ${ranks.max} ms`;
  return [
    [
      "registered",
      `${confirmed} of ${planned} in ${of.registrationSeconds} s · taken back ${tookBackBefore} before the decision, ${tookBackAfter} after\n` +
        `asking ${ms(latencies.register)}\nconfirming ${ms(latencies.confirm)}`,
    ],
    [
      "slots",
      `${of.given} given of ${of.count}, ${of.allocation === "draw" ? "by lot" : "to who came first"}\n` +
        `sold past the line ${of.soldBySlot} · returned unclaimed ${of.unclaimed} · sold in the line ${of.soldInLine}`,
    ],
    ["from opening or coming to a slot's pass", ms(pass)],
  ];
}

function machine({ cores, memoryMb, peakMb, parts }: NonNullable<Report["machine"]>): string {
  const each = Object.entries(parts).map(
    ([part, { peakMb: mb, cpuSeconds }]) => `${part}: ${mb} MB · ${cpuSeconds} s`,
  );
  return [`${peakMb} MB at the most, of ${memoryMb}; ${cores} cores`, ...each].join("\n");
}

const shown = (value: number | null | undefined) =>
  value === null || value === undefined ? NOTHING : String(value);
const percent = (share: number | null) => (share === null ? NOTHING : `${(share * 100).toFixed(2)} %`);
const told = ({
  p50,
  p99,
  max,
  count,
  farBack,
  late,
  lateByMachine,
  stallMs,
}: NonNullable<Report["soldOutTold"]>) =>
  [
    `p50 ${p50} s · p99 ${p99} s · max ${max} s (${count} shoppers)`,
    ...(farBack > 0 ? [`of these ${farBack} far back, who had been asked to look less often`] : []),
    `longest stall meanwhile: crowd ${stallMs.crowd} ms · front ${stallMs.front === null ? NOTHING : `${stallMs.front} ms`}`,
    ...(late > 0 ? [`too late: ${late}, of these ${lateByMachine} by the rehearsing machine`] : []),
  ].join("\n");
const listed = (counts: Record<string, number>) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join("\n") || "none";
