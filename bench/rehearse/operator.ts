/** The operator's side of a rehearsal: create the sale, look at the books, list the orders. */
import { setTimeout as wait } from "node:timers/promises";
import type { StoredOrder } from "../../domain/api.ts";
import type { Sale } from "../../domain/sale.ts";
import {
  decode,
  liveAnswer,
  ordersAnswer,
  saleAnswer,
  type LiveAnswer,
  type PublishedDraws,
} from "./answers.ts";
import { RehearsalError } from "./errors.ts";
import type { Answer, Http } from "./http.ts";

export interface Operator {
  /**
   * @returns what is published of its draws, if it has any
   * @throws RehearsalError when the system refuses the sale or the operator, or is not there
   */
  createSale: (sale: Sale) => Promise<PublishedDraws | undefined>;
  /** What is published of its draws now; undefined when there is no answer to be had. */
  draws: (saleId: string) => Promise<PublishedDraws | undefined>;
  /** One look; undefined when there is no answer to be had right now. */
  live: (saleId: string) => Promise<LiveAnswer | undefined>;
  /** All orders Postgres has, page by page; undefined as above. */
  orders: (saleId: string) => Promise<StoredOrder[] | undefined>;
}

const CREATE_ATTEMPTS = 5;
const PAGE_SIZE = 1000;

export function createOperator(http: Http, url: string, token: string): Operator {
  const call = (method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> =>
    http.send({
      step: "operator",
      method,
      path,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  return {
    async createSale(sale) {
      for (let attempt = 1; ; attempt++) {
        const answer = await call("POST", "/api/admin/sales", sale);
        if (answer.status === 200 || answer.status === 201) return decode(saleAnswer, answer.text);
        const passing = answer.status === 0 || answer.status === 429 || answer.status >= 500;
        if (!passing || attempt === CREATE_ATTEMPTS) throw new RehearsalError(whyNot(answer, url));
        await wait(answer.retryAfterMs ?? 500 * attempt);
      }
    },

    async draws(saleId) {
      const path = `/api/sales/${saleId}`;
      const answer = await http.send({ step: "operator", method: "GET", path, headers: {} });
      return answer.status === 200 ? decode(saleAnswer, answer.text) : undefined;
    },

    async live(saleId) {
      const answer = await call("GET", `/api/admin/sales/${saleId}/live`);
      return answer.status === 200 ? decode(liveAnswer, answer.text) : undefined;
    },

    async orders(saleId) {
      const all: StoredOrder[] = [];
      for (;;) {
        const after = all.at(-1)?.id;
        const query = `limit=${PAGE_SIZE}${after === undefined ? "" : `&after=${after}`}`;
        const answer = await call("GET", `/api/admin/sales/${saleId}/orders?${query}`);
        const page = answer.status === 200 ? decode(ordersAnswer, answer.text) : undefined;
        if (page === undefined) return undefined;
        all.push(...page.orders);
        if (page.orders.length < PAGE_SIZE) return all;
      }
    },
  };
}

function whyNot({ status, word, problem, text }: Answer, url: string): string {
  if (status === 0) return `Nothing answers at ${url}: ${text}`;
  if (status === 401 || status === 403) return `The operator's token was refused by ${url}.`;
  const pointers = (problem?.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`).join("");
  return `The sale was refused: ${word ?? `http_${status}`}${problem?.detail === undefined ? "" : ` (${problem.detail})`}${pointers}`;
}
