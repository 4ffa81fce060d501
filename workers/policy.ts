/**
 * What the edge asks of each call before it goes to the functions, and how often it may be asked: two tables. A path that
 * is not here does not exist; a method that is not here is refused with the ones that are.
 */
import type { TokenKind } from "../domain/token.ts";
import type { BodyKind } from "./body.ts";

/** Requests per second that a key may make for ever, and at once after a rest. */
export interface Rate {
  perSecond: number;
  burst: number;
}

export interface Limit extends Rate {
  /**
   * What is counted: never by something a client can write. `shopper`: by the identity that a token or cookie proves, and
   * without one by address; `address`: by address in any case (IPv6: its /64).
   */
  by: "shopper" | "address";
  /** Counted per location too, over all isolates there, by a binding of wrangler.toml, in windows of so many seconds. */
  perLocation?: { binding: "PER_LOCATION" | "SIGN_INS"; seconds: number };
  /**
   * What becomes of a request whose count cannot be had. In the isolate it always can. `open`: it goes on, because a count
   * further in is exact (joins, holds) or nothing depends on it.
   */
  fails: "open";
}

/**
 * Only what reaches the functions counts: pages, sales and pulses come from a cache, so who waits and reloads spends nothing.
 * Joins and holds are counted once more, exactly, by join.lua and reserve.lua: 10 in a second, both together.
 */
export const limits = {
  shopper: {
    by: "shopper",
    perSecond: 10,
    burst: 20,
    perLocation: { binding: "PER_LOCATION", seconds: 10 },
    fails: "open",
  },
  /** Newcomers from one address: a household or an office at once, and then one a second. */
  newcomer: { by: "address", perSecond: 1, burst: 100, fails: "open" },
  /** What is the same for everybody, where no cache could answer: mostly addresses made up to get around it. */
  look: { by: "address", perSecond: 20, burst: 100, fails: "open" },
  /** Consoles and scripts; whoever tries out tokens gets no further. */
  operator: { by: "address", perSecond: 10, burst: 50, fails: "open" },
  /** Trying out tokens: ten at once, then one in ten seconds. */
  signIn: {
    by: "address",
    perSecond: 0.1,
    burst: 10,
    perLocation: { binding: "SIGN_INS", seconds: 60 },
    fails: "open",
  },
  /** Webhooks, which come in bursts and from few addresses. */
  webhook: { by: "address", perSecond: 100, burst: 500, fails: "open" },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof limits;

/** The limit of each kind of caller. */
export const limitOf: Record<Policy["from"], LimitName> = {
  public: "look",
  shopper: "shopper",
  ticket: "shopper",
  pass: "shopper",
  operator: "operator",
  stripe: "webhook",
};

export interface Policy {
  /**
   * - `public`: the same for everybody, so it goes on without cookies and tokens
   * - `shopper`: anybody; who has no identity gets one
   * - `ticket`, `pass`: only with a valid one of this sale
   * - `operator`: the functions check the token, session or assertion of Cloudflare Access
   * - `stripe`: signed by Stripe, which the functions check; its body goes on as it came
   */
  from: "public" | "shopper" | Extract<TokenKind, "ticket" | "pass"> | "operator" | "stripe";
  /** Another limit than that of who it is from. */
  limit?: LimitName;
  /** Only so many from an address: of those who cannot show that they were here before. */
  newcomers?: "counted";
  /** After the bot check, where there is one. */
  botCheck?: true;
  /** A token that the body may carry: one that is not of this kind and sale is turned away here. */
  bodyToken?: { name: string; kind: Extract<TokenKind, "confirmation" | "cancellation" | "slot"> };
  /** What a body has to be, if there is one; JSON where it is not said. */
  body?: BodyKind;
  /** The functions want to know how the edge is. */
  tellsOfItself?: true;
  /** Turned away first when the functions are in trouble (circuit.ts), but for who is in line. */
  shedFirst?: true;
  /** May have to ask Stripe: that it takes long says nothing of the functions. */
  asksStripe?: true;
  /** A ticket from before a rebuild is turned away here, as far as this isolate knows of the rebuild. */
  fenced?: true;
}

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export const policies: { path: string; methods: Partial<Record<Method, Policy>> }[] = [
  { path: "/api/sales", methods: { GET: { from: "public" } } },
  { path: "/api/sales/:sale", methods: { GET: { from: "public" } } },
  { path: "/api/sales/:sale/pulse", methods: { GET: { from: "public" } } },
  {
    path: "/api/sales/:sale/queue",
    methods: {
      POST: {
        from: "shopper",
        newcomers: "counted",
        botCheck: true,
        shedFirst: true,
        bodyToken: { name: "slotToken", kind: "slot" },
      },
      DELETE: { from: "ticket" },
    },
  },
  {
    path: "/api/sales/:sale/registrations",
    methods: { POST: { from: "shopper", newcomers: "counted", botCheck: true, shedFirst: true } },
  },
  {
    path: "/api/sales/:sale/registrations/confirm",
    methods: { POST: { from: "shopper", bodyToken: { name: "token", kind: "confirmation" } } },
  },
  { path: "/api/sales/:sale/registrations/mine", methods: { GET: { from: "shopper" } } },
  {
    path: "/api/sales/:sale/registrations/cancel",
    methods: { POST: { from: "shopper", bodyToken: { name: "token", kind: "cancellation" } } },
  },
  { path: "/api/sales/:sale/entry", methods: { POST: { from: "ticket", fenced: true } } },
  { path: "/api/sales/:sale/reservations", methods: { POST: { from: "pass" } } },
  {
    path: "/api/sales/:sale/reservations/:id",
    methods: { GET: { from: "pass", asksStripe: true }, DELETE: { from: "pass", asksStripe: true } },
  },
  { path: "/api/sales/:sale/reservations/:id/extension", methods: { POST: { from: "pass" } } },
  {
    path: "/api/sales/:sale/reservations/:id/checkout",
    methods: { POST: { from: "pass", asksStripe: true } },
  },
  { path: "/api/sales/:sale/orders/:id", methods: { GET: { from: "pass", asksStripe: true } } },
  {
    path: "/api/admin/sales/:sale/invites",
    methods: { POST: { from: "operator", body: "csv" } },
  },
  {
    path: "/api/admin/session",
    methods: { GET: { from: "operator" }, POST: { from: "operator", limit: "signIn" } },
  },
  {
    path: "/api/admin/sales/:sale/checklist",
    methods: { GET: { from: "operator", tellsOfItself: true } },
  },
  {
    path: "/api/admin/sales",
    methods: { GET: { from: "operator" }, POST: { from: "operator", body: "definition" } },
  },
  {
    path: "/api/admin/preview",
    methods: { POST: { from: "operator", body: "definition" } },
  },
  {
    path: "/api/admin/sales/:sale",
    methods: { GET: { from: "operator" }, PUT: { from: "operator", body: "definition" } },
  },
  {
    path: "/api/admin/*",
    methods: { GET: { from: "operator" }, POST: { from: "operator" } },
  },
  { path: "/webhooks/stripe", methods: { POST: { from: "stripe", body: "event", asksStripe: true } } },
  { path: "/openapi.json", methods: { GET: { from: "public" } } },
  { path: "/healthz", methods: { GET: { from: "public" } } },
];
