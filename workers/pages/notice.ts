/** A refusal with its evidence as a shopper reads it: words first, then what exactly is short or wrong. */
import type { Problem } from "../../domain/api.ts";
import { refusalTexts } from "../../static/assets/line.js";
import type { Speech } from "./speech.ts";

export interface Notice {
  text: string;
  details: string[];
}

/** @param problem a refusal, or what became of a payment that came too late */
export function noticeOf(
  { m }: Speech,
  problem: Pick<Problem, "left" | "errors"> & { type: string },
  sale: { items: { sku: string; name: string }[] },
): Notice {
  const [text = "", ...details] = refusalTexts(m, problem, sale);
  return { text, details };
}
