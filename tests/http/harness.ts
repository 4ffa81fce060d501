/** One whole stack per test file, sales with fresh ids, and shoppers who speak the contract like an app: with tokens. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import type { SaleInput } from "../../domain/sale.ts";
import { startStack, type Stack } from "../../dev/stack.ts";
import { tokenKeys, type Claims } from "../../domain/token.ts";

type Variables = () => Promise<Record<string, string>>;
const none: Variables = () => Promise.resolve({});

/**
 * @param log what the Workers logged, line by line
 * @param edge more variables of the edge, asked for when the stack starts
 * @param functions and of the functions
 */
export function withStack(
  log: string[] = [],
  edge: Variables = none,
  functions: Variables = none,
): { get: () => Stack } {
  let stack: Stack | undefined;
  beforeAll(async () => {
    const more = { edge: await edge(), functions: await functions() };
    stack = await startStack({ log: (line) => void log.push(line), ...more });
  });
  afterAll(() => stack?.close());
  return {
    get() {
      if (stack === undefined) throw new Error("the stack has not started");
      return stack;
    },
  };
}

const HALF_HOUR_MS = 30 * 60_000;
let visitors = 0;

/** A visitor of its own: the local stack lets a client name its address. */
export const newAddress = () => `10.${(++visitors >> 8) & 255}.${visitors & 255}.1`;

/** An instant so many milliseconds from now. */
export const at = (ms: number) => new Date(Date.now() + ms).toISOString();

/** A free sale that opened a second ago, but for what is said otherwise. */
export function saleInput(overrides: Partial<SaleInput> = {}): SaleInput {
  return {
    id: `t-${randomUUID().slice(0, 13)}`,
    name: "A test sale",
    currency: "EUR",
    opensAt: at(-1_000),
    closesAt: at(HALF_HOUR_MS),
    items: [shoe({})],
    releaseEverySeconds: 1,
    ...overrides,
  };
}

export const shoe = (item: Partial<SaleInput["items"][number]>) => ({
  sku: "shoe",
  name: "Shoe",
  stock: 10,
  price: 0,
  limit: 2,
  ...item,
});

export interface Answer {
  status: number;
  type: string | undefined;
  headers: Headers;
  json: Record<string, unknown>;
}

export interface Ask {
  method?: string;
  token?: string;
  /** Sent as JSON, unless it is text. */
  body?: unknown;
  headers?: Record<string, string>;
  address?: string;
}

export async function ask(stack: Stack, path: string, call: Ask = {}): Promise<Answer> {
  const { method = call.body === undefined ? "GET" : "POST", token, body, headers = {} } = call;
  const response = await fetch(stack.url + path, {
    method,
    headers: {
      "cf-connecting-ip": call.address ?? newAddress(),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  const json = isJson ? z.record(z.string(), z.unknown()).parse(JSON.parse(text)) : {};
  const type = typeof json.type === "string" ? json.type : undefined;
  return { status: response.status, type, headers: response.headers, json };
}

/** A token as the Workers would sign it, with whatever it says. */
export const forge = (stack: Stack, claims: Claims) => tokenKeys(stack.tokenKeys).sign(claims);

/** What a ticket says; its signature is not looked at. */
export function claimsIn(token: string): Record<string, unknown> {
  const [payload = ""] = token.split(".");
  return z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(payload, "base64url").toString()));
}

export const pulse = async (stack: Stack, sale: string) =>
  (await ask(stack, `/api/sales/${sale}/pulse`)).json;

export const operator = (stack: Stack, path: string, call: Ask = {}) =>
  ask(stack, `/api/admin${path}`, { token: stack.adminToken, ...call });

export async function createSale(stack: Stack, overrides: Partial<SaleInput> = {}): Promise<string> {
  const input = saleInput(overrides);
  const { status, json } = await operator(stack, "/sales", { body: input });
  if (status !== 201) throw new Error(`the sale was refused: ${JSON.stringify(json)}`);
  return input.id;
}

/** Runs a statement past everything, as somebody at the database. */
async function atDatabase(stack: Stack, statement: string, params: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: stack.database.connectionString });
  await client.connect();
  await client.query(statement, params).finally(() => client.end());
}

/** The sale has these orders in Postgres, and nowhere else: what reads from there needs no shoppers. Ids ascend from 1. */
export const storeOrders = (stack: Stack, sale: string, count: number): Promise<void> =>
  atDatabase(
    stack,
    `insert into orders (sale_id, id, shopper, number, total, confirmed_at)
     select $1, lpad(to_hex(n), 32, '0')::uuid, 'shopper-' || n, n, 0, now() from generate_series(1, $2::int) as n`,
    [sale, count],
  );

/** A run that is done has found this much: `gone` of them are in order by now, those written after them wait. */
export async function storeFindings(
  stack: Stack,
  sale: string,
  { gone, waiting }: { gone: number; waiting: number },
): Promise<string> {
  const run = randomUUID();
  await operator(stack, `/sales/${sale}/reconciliations`, { body: { runId: run } });
  await atDatabase(
    stack,
    `insert into discrepancies (run_id, sale_id, kind, subject, evidence, remedy, amount, outcome, resolved_at)
     select $2, $1, 'captured_twice', 'pi_' || n, '{}', 'refund', 2500,
            case when n > $3 then 'waiting' else 'gone' end, case when n <= $3 then now() end
       from generate_series(1, $3::int + $4::int) as n order by n`,
    [sale, run, gone, waiting],
  );
  return run;
}

/** Looks a few times a second until `done`; fails after `forMs`. */
export async function until<Value>(
  look: () => Promise<Value>,
  done: (value: Value) => boolean,
  forMs = 15_000,
): Promise<Value> {
  const end = Date.now() + forMs;
  for (;;) {
    const value = await look();
    if (done(value)) return value;
    if (Date.now() > end) throw new Error(`still waiting after ${forMs} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const liveSchema = z.object({
  phase: z.string(),
  items: z.array(
    z.object({
      sku: z.string(),
      stock: z.number(),
      available: z.number(),
      slots: z.number(),
      held: z.number(),
      confirmed: z.number(),
    }),
  ),
  line: z.object({ waiting: z.number(), inside: z.number(), holds: z.number() }),
  outbox: z.object({ entries: z.number() }),
  stored: z
    .object({
      orders: z.number(),
      shoppers: z.number(),
      discrepancies: z.number(),
      ledgerDifference: z.number(),
    })
    .nullable(),
});

export const live = async (stack: Stack, sale: string) =>
  liveSchema.parse((await operator(stack, `/sales/${sale}/live`)).json);

export const pointersOf = ({ json }: Answer) =>
  z
    .array(z.object({ pointer: z.string() }))
    .parse(json.errors)
    .map(({ pointer }) => pointer)
    .sort();

export type Line = { sku: string; quantity: number };

export function shopper(stack: Stack, sale: string) {
  const address = newAddress();
  const base = `/api/sales/${sale}`;
  const text = (answer: Answer, field: string) => z.string().parse(answer.json[field]);
  const held = (id: string) => `${base}/reservations/${id}`;
  const self = {
    ticket: "",
    pass: "",
    async join(call: Ask = {}) {
      const token = self.ticket === "" ? {} : { token: self.ticket };
      const answer = await ask(stack, `${base}/queue`, { method: "POST", address, ...token, ...call });
      if (answer.status < 300) self.ticket = text(answer, "ticket");
      return answer;
    },
    leave: () => ask(stack, `${base}/queue`, { method: "DELETE", address, token: self.ticket }),
    async enter(call: Ask = {}) {
      const answer = await ask(stack, `${base}/entry`, {
        method: "POST",
        address,
        token: self.ticket,
        ...call,
      });
      if (answer.status < 300) self.pass = text(answer, "pass");
      return answer;
    },
    reserve: (reservationId: string, lines: Line[] = [{ sku: "shoe", quantity: 1 }], call: Ask = {}) =>
      ask(stack, `${base}/reservations`, {
        body: { reservationId, lines },
        address,
        token: self.pass,
        ...call,
      }),
    reservation: (id: string) => ask(stack, held(id), { address, token: self.pass }),
    giveBack: (id: string) => ask(stack, held(id), { method: "DELETE", address, token: self.pass }),
    checkout: (id: string) =>
      ask(stack, `${held(id)}/checkout`, { method: "POST", address, token: self.pass }),
    order: (id: string) => ask(stack, `${base}/orders/${id}`, { address, token: self.pass }),
  };
  return self;
}

export type Shopper = ReturnType<typeof shopper>;

/** A shopper whose turn has come and who has a pass. */
export async function shopperInside(stack: Stack, sale: string): Promise<Shopper> {
  const someone = shopper(stack, sale);
  await someone.join();
  await until(
    () => someone.enter(),
    ({ status }) => status < 300,
  );
  return someone;
}
