/** What a simulated sale costs: quantities times prices, a line for each part, with the inputs that it comes from. Pure. */
import type { SaleOptions } from "../scale/options.ts";
import type { Simulated } from "../scale/simulate.ts";
import { of, type InputName } from "./inputs.ts";

export interface BillOptions {
  /** Of the visitors: who register an address before. */
  registered: number;
  /** Hours for which the Postgres compute is sized for the sale. */
  hours: number;
  /** A plan without a charge for commands, instead of pay as you go. */
  fixedRedis: boolean;
  /** Of the money, and the money of an order; 0 leaves payments out. */
  paymentPercent: number;
  orderValue: number;
}

export const usualBill: BillOptions = {
  registered: 0,
  hours: 4,
  fixedRedis: false,
  paymentPercent: 0,
  orderValue: 50,
};

export interface Line {
  part: "Workers" | "Redis" | "Postgres" | "E-mail" | "Payments";
  what: string;
  quantity: number;
  unit: string;
  dollars: number;
  from: InputName[];
}

export interface Bill {
  lines: Line[];
  totalDollars: number;
  perVisitorDollars: number;
  perOrderDollars: number;
}

const MILLION = 1e6;

export function billOf(sale: SaleOptions, found: Simulated, options: BillOptions): Bill {
  const { requests } = found;
  const orders = found.sold;
  const edgeRequests = requests.pages + requests.polls + requests.commands;
  // Who is turned away by the circuit costs the edge, but no functions.
  const cpuMs = requests.edge * of("cpu.edgeMs") + requests.functions * of("cpu.functionsMs");
  const objectGbSeconds = sale.joinShards * of("objects.gb") * (sale.lobbySeconds + found.endSeconds);
  const mails = options.registered * of("mail.perRegistration") + orders * of("mail.perOrder");
  const redisGb = (found.lineMax * of("redis.bytesPerPerson")) / 1e9;
  const postgresGb = (orders * of("postgres.bytesPerOrder")) / 1e9;
  const above = (quantity: number, included: InputName) => Math.max(0, quantity - of(included));

  const lines: Line[] = [
    {
      part: "Workers",
      what: "plan",
      quantity: 1,
      unit: "month",
      dollars: of("workers.base"),
      from: ["workers.base"],
    },
    {
      part: "Workers",
      what: "requests, those that a cache answers too",
      quantity: edgeRequests,
      unit: "requests",
      dollars: (above(edgeRequests, "workers.requestsIncluded") / MILLION) * of("workers.requests"),
      from: [
        "workers.requests",
        "workers.requestsIncluded",
        "workers.cacheHit",
        "requests.pages",
        "requests.joins",
      ],
    },
    {
      part: "Workers",
      what: "CPU time",
      quantity: cpuMs,
      unit: "ms",
      dollars: (above(cpuMs, "workers.cpuIncluded") / MILLION) * of("workers.cpu"),
      from: ["workers.cpu", "workers.cpuIncluded", "cpu.edgeMs", "cpu.functionsMs", "cache.pollsAbsorbed"],
    },
    ...(sale.joinShards === 0
      ? []
      : ([
          {
            part: "Workers",
            what: "Durable Objects: requests of joins",
            quantity: found.objects.requests,
            unit: "requests",
            dollars:
              (above(found.objects.requests, "objects.requestsIncluded") / MILLION) * of("objects.requests"),
            from: ["objects.requests", "objects.requestsIncluded"],
          },
          {
            part: "Workers",
            what: "Durable Objects: duration",
            quantity: objectGbSeconds,
            unit: "GB-s",
            dollars: (above(objectGbSeconds, "objects.durationIncluded") / MILLION) * of("objects.duration"),
            from: ["objects.duration", "objects.durationIncluded", "objects.gb"],
          },
        ] satisfies Line[])),
    options.fixedRedis
      ? {
          part: "Redis",
          what: "fixed plan",
          quantity: 1,
          unit: "month",
          dollars: of("redis.fixed"),
          from: ["redis.fixed"],
        }
      : {
          part: "Redis",
          what: "commands",
          quantity: found.redis.commands,
          unit: "commands",
          dollars: (found.redis.commands / MILLION) * of("redis.commands"),
          from: [
            "redis.commands",
            ...(sale.joinShards === 0
              ? (["commands.join"] as const)
              : (["batch.commandsPerCall", "batch.joinsPerCall"] as const)),
            "commands.entry",
            "commands.reserve",
            ...(sale.paid ? (["commands.checkout"] as const) : []),
            "commands.confirm",
            "commands.sync",
            "commands.pulse",
          ],
        },
    {
      part: "Redis",
      what: "memory, kept a month",
      quantity: redisGb,
      unit: "GB",
      dollars: options.fixedRedis ? 0 : above(redisGb, "redis.storageIncluded") * of("redis.storage"),
      from: ["redis.storage", "redis.storageIncluded", "redis.bytesPerPerson"],
    },
    {
      part: "Postgres",
      what: "compute",
      quantity: of("postgres.computeUnits") * options.hours,
      unit: "CU-hours",
      dollars: of("postgres.computeUnits") * options.hours * of("postgres.compute"),
      from: ["postgres.compute", "postgres.computeUnits"],
    },
    {
      part: "Postgres",
      what: "storage, a month",
      quantity: postgresGb,
      unit: "GB",
      dollars: postgresGb * of("postgres.storage"),
      from: ["postgres.storage", "postgres.bytesPerOrder"],
    },
    {
      part: "E-mail",
      what: "receipts, and registrations",
      quantity: mails,
      unit: "e-mails",
      dollars: (above(mails, "mail.included") / 1000) * of("mail.thousand"),
      from: ["mail.thousand", "mail.included", "mail.perOrder", "mail.perRegistration"],
    },
    ...(options.paymentPercent === 0
      ? []
      : ([
          {
            part: "Payments",
            what: `${options.paymentPercent} % of the money`,
            quantity: orders * options.orderValue,
            unit: "$",
            dollars: (orders * options.orderValue * options.paymentPercent) / 100,
            from: ["stripe.percent"],
          },
        ] satisfies Line[])),
  ];
  const totalDollars = lines.reduce((sum, { dollars }) => sum + dollars, 0);
  return {
    lines,
    totalDollars,
    perVisitorDollars: totalDollars / sale.visitors,
    perOrderDollars: orders === 0 ? 0 : totalDollars / orders,
  };
}
