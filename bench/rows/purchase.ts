/**
 * What a purchase costs in Redis, counted by the local gateway as Upstash would bill it, step by step in the whole local stack while
 * nothing else happens: for a free sale, and for a paid one whose buyer comes back from paying.
 */
import { createFigures } from "../rehearse/figures.ts";
import { createHttp } from "../rehearse/http.ts";
import { startLocalStack, type LocalStack } from "../rehearse/local-stack.ts";
import { createOperator } from "../rehearse/operator.ts";
import { createPaymentPage } from "../rehearse/payment-page.ts";
import { pricePurchase } from "../rehearse/purchase-price.ts";
import { builtInSale } from "../rehearse/sale.ts";
import { Incorrect, type Figure, type Opened, type Row, type Sample, type Settings } from "../measure.ts";

/** What only the way to Postgres asks for: the lease, the entries, their end. */
const ofSync = ["set", "xrange", "xtrim"];

async function measure(stack: LocalStack, price: number): Promise<Sample> {
  const http = createHttp(stack.url, 2, createFigures());
  try {
    const operator = createOperator(http, stack.url, stack.adminToken);
    const page = createPaymentPage(stack.stripe ?? { url: "", secretKey: "" });
    const draft = builtInSale(10, price, { timeoutSeconds: 60 });
    const steps = await pricePurchase(stack, operator, http, draft, page);
    if (steps === undefined) throw new Incorrect("the purchase did not come to its end");
    const all = Object.entries(steps);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    const withWrites = sum(all.map(([, step]) => step.billedCommands));
    const writes = sum(all.map(([, { byCommand }]) => sum(ofSync.map((name) => byCommand[name] ?? 0))));
    return {
      scriptCalls: sum(all.map(([, step]) => step.scriptCalls)),
      commands: withWrites - writes,
      withWrites,
      ...Object.fromEntries(all.map(([name, step]) => [name, step.billedCommands])),
    };
  } finally {
    await http.destroy();
  }
}

async function open({ quick }: Settings): Promise<Opened> {
  const stack = await startLocalStack();
  const free = { measure: () => measure(stack, 0) };
  const paid = { measure: () => measure(stack, 4900) };
  return {
    variants: quick ? { free } : { free, paid },
    ...(quick ? { skipped: { paid: "a whole run counts it" } } : {}),
    close: stack.close,
  };
}

const atMost = (most: number): Partial<Figure> => ({ budget: { of: "value", atMost: most } });
/** The rehearsal's paid purchases, where nearly all are seen by the webhook first, are held to the budget there. */
const paid: Partial<Figure> = { note: "the webhook and the buyer who comes back both look, each by itself" };

export const purchase: Row = {
  name: "purchase",
  about: "what one purchase asks of Redis, from joining to the order",
  figures: ["free", "paid"].flatMap((ours): Figure[] => [
    { what: `${ours}: script calls`, ours, metric: "scriptCalls", ...(ours === "free" ? atMost(5) : paid) },
    { what: `${ours}: billed commands`, ours, metric: "commands", ...(ours === "free" ? atMost(40) : {}) },
    { what: `${ours}: … with its writes to Postgres`, ours, metric: "withWrites" },
  ]),
  rounds: { full: 1, quick: 1 },
  open,
};
