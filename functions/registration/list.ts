/** The list of registrations as an operator sees it: its numbers, all of it as CSV, and addresses put on it from CSV. */
import Papa from "papaparse";
import { z } from "zod";
import type { Imported, RegistrationNumbers } from "../../domain/api.ts";
import { saleTimes } from "../../domain/phase.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { saleSchema } from "../../domain/sale.ts";
import { sendEmails } from "../mail/mailer.ts";
import { emailNumbers } from "../mail/outbox.ts";
import { bigint } from "../postgres/client.ts";
import { missing, readSale } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { shopperOfAddress, wrongWith } from "./address.ts";
import exportSql from "./export.sql";
import inviteSql from "./invite.sql";
import numbersSql from "./numbers.sql";

const numbersRow = z.object({
  asked: bigint,
  waiting: bigint,
  slot: bigint,
  left: bigint,
  definition: saleSchema,
  slots_given: bigint,
  decided: z.boolean(),
});

export async function readNumbers(
  services: Services,
  saleId: string,
): Promise<RegistrationNumbers | Refusal<"not_found">> {
  const [row] = await services.postgres(numbersRow, numbersSql, [saleId]);
  if (row === undefined) return refuse("not_found", { detail: `There is no sale "${saleId}".` });
  const { definition, slots_given: given, decided, ...states } = row;
  return {
    ...states,
    slots: {
      count: definition.slots?.count ?? 0,
      given,
      decided,
      decidesAt: new Date(saleTimes(definition).slotsDecidedFromMs).toISOString(),
    },
    emails: await emailNumbers(services, saleId),
  };
}

const exportRow = z.object({
  shopper: z.string(),
  email: z.string().nullable(),
  state: z.string(),
  number: bigint.nullable(),
  confirmed_at: z.coerce.date().nullable(),
});
const PAGE_ROWS = 5_000;

/** The whole list, page by page, so that it never is in memory at once. */
export async function exportRegistrations(
  services: Services,
  saleId: string,
): Promise<{ pages: AsyncGenerator<string, void> } | Refusal<"not_found" | "on_hold">> {
  if ((await readSale(services, saleId)) === undefined) {
    const refusal = await missing(services, saleId);
    if (refusal.refused === "not_found") return refusal;
  }
  return { pages: csvPages(services, saleId) };
}

async function* csvPages(services: Services, saleId: string): AsyncGenerator<string, void> {
  yield "email,state,number,confirmedAt\r\n";
  let [afterNumber, afterShopper]: [number | null, string] = [0, ""];
  for (;;) {
    const rows: z.output<typeof exportRow>[] = await services.postgres(exportRow, exportSql, [
      saleId,
      afterNumber,
      afterShopper,
      PAGE_ROWS,
    ]);
    if (rows.length > 0)
      yield `${Papa.unparse(
        rows.map(({ email, state, number, confirmed_at }) => [
          email ?? "",
          state,
          number ?? "",
          confirmed_at?.toISOString() ?? "",
        ]),
        // A spreadsheet would run what an address begins with.
        { escapeFormulae: true },
      )}\r\n`;
    const isFull = rows.length === PAGE_ROWS;
    if (!isFull && afterNumber === null) return;
    afterNumber = isFull ? (rows.at(-1)?.number ?? null) : null;
    afterShopper = isFull ? (rows.at(-1)?.shopper ?? "") : "";
  }
}

/** Addresses of one statement. */
const INVITES_AT_ONCE = 5_000;
const invitedRow = z.object({ imported: bigint, open: z.boolean() });

/** What spreadsheets put between fields, by the country. */
const DELIMITERS = [",", ";", "\t"];
const columnName = (name: string) => name.trim().toLowerCase();
const columnsOf = (list: string, delimiter: string) =>
  (Papa.parse<string[]>(list, { preview: 1, delimiter }).data[0] ?? []).map(columnName);

/** Puts the addresses of a CSV on the list. Repeating it changes nothing: who is there already is known. */
export async function importInvites(
  services: Services,
  saleId: string,
  list: string,
  shop: string,
): Promise<Imported | Refusal<"not_found" | "on_hold" | "registration_closed" | "invalid_input">> {
  const sale = await readSale(services, saleId);
  if (sale === undefined) return await missing(services, saleId);
  const wrongList = (detail: string) => refuse("invalid_input", { errors: [{ pointer: "", detail }] });
  const delimiter = DELIMITERS.find((one) => columnsOf(list, one).includes("email"));
  if (delimiter === undefined) return wrongList('the first line must name a column "email"');
  const parsed = Papa.parse<Record<string, string | undefined>>(list, {
    header: true,
    delimiter,
    transformHeader: columnName,
  });
  // All that follows it would be taken for one field.
  if (parsed.errors.some(({ code }) => code === "MissingQuotes"))
    return wrongList("a quotation mark is not closed");

  const errors: Imported["errors"] = [];
  const good: { position: number; shopper: string; email: string }[] = [];
  const broken = new Map(parsed.errors.map(({ row, message }) => [row, message]));
  for (const [index, fields] of parsed.data.entries()) {
    const { email = "" } = fields;
    if (Object.values(fields).join("").trim() === "") continue;
    // As a spreadsheet numbers it: the names of the columns are row 1.
    const row = index + 2;
    const wrong = broken.get(index) ?? wrongWith(email.trim());
    if (wrong !== undefined) errors.push({ row, detail: wrong });
    else
      good.push({
        position: index,
        shopper: await shopperOfAddress(services.identitySecret, saleId, email),
        email: email.trim(),
      });
  }

  const { slotsDecidedFromMs, registration } = saleTimes(sale);
  if (registration === undefined) return refuse("registration_closed");
  const endsAtMs = sale.slots === undefined ? registration.untilMs : slotsDecidedFromMs;
  let imported = 0;
  for (let first = 0; first < good.length; first += INVITES_AT_ONCE) {
    const [row] = await services.postgres(invitedRow, inviteSql, [
      saleId,
      JSON.stringify(good.slice(first, first + INVITES_AT_ONCE)),
      shop,
      sale.slots?.allocation === "first_come",
      sale.slots?.count ?? 0,
      new Date(endsAtMs).toISOString(),
    ]);
    if (row?.open === false) return refuse("registration_closed");
    imported += row?.imported ?? 0;
  }
  services.later(sendEmails(services));
  return { imported, known: good.length - imported, errors };
}
