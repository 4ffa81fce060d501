/** A refusal with its evidence as a shopper reads it: words first, then what exactly is short or wrong. */
import type { Problem, PublicSale } from "../../domain/api.ts";
import { wordsFor } from "./words.ts";

export interface Notice {
  text: string;
  details: string[];
}

export function noticeOf(problem: Problem, sale: PublicSale): Notice {
  const name = (sku: string) => sale.items.find((item) => item.sku === sku)?.name ?? sku;
  const left = problem.left?.map((item) =>
    item.left === 0
      ? `Nothing is left of ${name(item.sku)} at the moment.`
      : `${item.left} left of ${name(item.sku)}.`,
  );
  const wrong = problem.errors?.map(({ detail }) => detail);
  return { text: wordsFor(problem.type), details: [...(left ?? []), ...(wrong ?? [])] };
}
