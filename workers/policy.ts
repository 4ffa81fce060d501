/**
 * What the edge asks of each call before it goes to the functions: one table. A path that is not here does not exist;
 * a method that is not here is refused with the ones that are.
 */
import type { TokenKind } from "../domain/token.ts";

export interface Policy {
  /**
   * - `public`: the same for everybody, so it goes on without cookies and tokens; not limited, because the cache answers
   * - `shopper`: anybody; who has no identity gets one
   * - `ticket`, `pass`: only with a valid one of this sale
   * - `operator`: the functions check the operator's token
   * - `stripe`: signed by Stripe, which the functions check; its body goes on as it came
   */
  from: "public" | "shopper" | Extract<TokenKind, "ticket" | "pass"> | "operator" | "stripe";
  /** Only so many from an address: of those who cannot show that they were here before. */
  newcomers?: "counted";
  /** After the bot check, where there is one. */
  botCheck?: true;
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
      POST: { from: "shopper", newcomers: "counted", botCheck: true },
      DELETE: { from: "ticket" },
    },
  },
  {
    path: "/api/sales/:sale/registrations",
    methods: { POST: { from: "shopper", newcomers: "counted" } },
  },
  { path: "/api/sales/:sale/registrations/confirm", methods: { POST: { from: "shopper" } } },
  { path: "/api/sales/:sale/entry", methods: { POST: { from: "ticket", fenced: true } } },
  { path: "/api/sales/:sale/reservations", methods: { POST: { from: "pass" } } },
  {
    path: "/api/sales/:sale/reservations/:id",
    methods: { GET: { from: "pass" }, DELETE: { from: "pass" } },
  },
  { path: "/api/sales/:sale/reservations/:id/checkout", methods: { POST: { from: "pass" } } },
  { path: "/api/sales/:sale/orders/:id", methods: { GET: { from: "pass" } } },
  {
    path: "/api/admin/*",
    methods: {
      GET: { from: "operator" },
      POST: { from: "operator" },
      PUT: { from: "operator" },
      DELETE: { from: "operator" },
    },
  },
  { path: "/webhooks/stripe", methods: { POST: { from: "stripe" } } },
  { path: "/openapi.json", methods: { GET: { from: "public" } } },
  { path: "/healthz", methods: { GET: { from: "public" } } },
];
