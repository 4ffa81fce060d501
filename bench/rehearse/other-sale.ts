/**
 * A second sale that has nothing to do with the rehearsed one: where a ticket comes from that must not be taken here,
 * and where a join can be priced while nothing else goes on.
 */
import type { Sale } from "../../domain/sale.ts";
import { decode, ticketAnswer } from "./answers.ts";
import type { Http } from "./http.ts";
import type { Operator } from "./operator.ts";

const OPEN_MS = 60_000;

export interface OtherSale {
  id: string;
  /** Takes a place as a new shopper. Without an answer there is no ticket, and the attempts that need it are left out. */
  join: () => Promise<string | undefined>;
}

/** @throws RehearsalError as for any sale */
export async function openOtherSale(operator: Operator, http: Http, sale: Sale): Promise<OtherSale> {
  const id = `${sale.id}-b`;
  const plain = { ...sale };
  delete plain.slots;
  delete plain.registrationOpensAt;
  delete plain.registrationClosesAt;
  await operator.createSale({
    ...plain,
    id,
    name: `${sale.name} (another)`,
    closesAt: new Date(Date.parse(sale.opensAt) + OPEN_MS).toISOString(),
    items: sale.items.slice(0, 1).map((item) => ({ ...item, stock: 1 })),
  });
  return {
    id,
    async join() {
      const path = `/api/sales/${id}/queue`;
      const { text } = await http.send({ step: "operator", method: "POST", path, headers: {} });
      return decode(ticketAnswer, text)?.ticket;
    },
  };
}
