/**
 * The one place where Postgres is spoken to: Neon's HTTP protocol, one statement per request, decoded by a schema. The
 * statement guards itself, so running it twice is safe. The driver has no retries and neither has this: who calls
 * either can wait (sync, cron) or says so to the client.
 */
import { NeonDbError, neon, neonConfig } from "@neondatabase/serverless";
import { z } from "zod";
import { decoded, Unavailable } from "../unavailable.ts";

const TIMEOUT_MS = 10_000;

/** A constraint of the database refused the statement: the judge has spoken (design §4.7). Nothing was changed. */
export class Refused extends Error {
  readonly constraint: string;
  constructor(constraint: string, message: string) {
    super(message);
    this.name = "Refused";
    this.constraint = constraint;
  }
}

/**
 * Runs one statement.
 * @throws {Refused} a constraint or a value of the statement was refused, or a value is too large for a limit of Postgres
 *   (SQLSTATE classes 22, 23 and 54)
 * @throws {Unavailable} Postgres did not answer, or answered that it cannot serve
 */
export type Postgres = <Row extends z.ZodType>(
  row: Row,
  statement: string,
  params: unknown[],
) => Promise<z.output<Row>[]>;

export function connectPostgres(connectionString: string, fetchEndpoint?: string): Postgres {
  if (fetchEndpoint !== undefined) neonConfig.fetchEndpoint = fetchEndpoint;
  const sql = neon(connectionString);
  return async (row, statement, params) => {
    const answer = await sql
      .query(statement, params, { fetchOptions: { signal: AbortSignal.timeout(TIMEOUT_MS) } })
      .catch((error: unknown) => {
        if (error instanceof NeonDbError && /^(2[23]|54)/.test(error.code ?? ""))
          throw new Refused(error.constraint ?? "", error.message);
        throw new Unavailable("postgres", String(error).slice(0, 200));
      });
    return decoded("postgres", "a statement", z.array(row), answer);
  };
}

/** `int8` and `numeric` arrive as strings; every such number here is an exact integer in JavaScript too. */
export const bigint = z.coerce.number().int();
