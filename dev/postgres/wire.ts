/**
 * Neon's SQL-over-HTTP protocol as data: what requests say, and how results and errors are written. Pure. The model
 * is Neon's own proxy (neondatabase/neon, proxy/src/serverless), down to statuses and messages.
 *
 * Without `Neon-Raw-Text-Output: true`, which `neon()` always sends, values of the plain types become JSON as there;
 * accepted trade-off: arrays stay text.
 */
import type { IncomingHttpHeaders } from "node:http";
import pg from "pg";
import { z } from "zod";

/** Both ways, as Neon. */
export const bytesMax = 64 * 1024 * 1024;

const statementSchema = z.object({
  query: z.string(),
  params: z.array(z.unknown()).default([]),
  arrayMode: z.boolean().nullish(),
});
export const payloadSchema = z.union([statementSchema, z.object({ queries: z.array(statementSchema) })]);

export type Statement = z.output<typeof statementSchema>;
export type Payload = z.output<typeof payloadSchema>;

/** Rows as PostgreSQL wrote them: text or null, in column order. */
export type TextRow = (string | null)[];
export type TextResult = pg.QueryArrayResult<TextRow>;

const isolationLevels = {
  ReadUncommitted: "READ UNCOMMITTED",
  ReadCommitted: "READ COMMITTED",
  RepeatableRead: "REPEATABLE READ",
  Serializable: "SERIALIZABLE",
} as const;

export interface Modes {
  rawText: boolean;
  arrayMode: boolean;
  /** The statement that opens the transaction of a batch. */
  begin: string;
  /** Headers that a batch is answered with: the transaction modes it asked for. */
  echo: Record<string, string>;
}

/** An answer other than 200 that the gateway itself decides on. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  /** @param code SQLSTATE, where there is one */
  constructor(status: number, message: string, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @throws Refusal 400 for an isolation level there is not */
export function readModes(headers: IncomingHttpHeaders): Modes {
  const isTrue = (name: string) => headers[name] === "true";
  const level = headers["neon-batch-isolation-level"];
  const known = Object.entries(isolationLevels).find(([name]) => name === level);
  if (level !== undefined && !known) throw new Refusal(400, "invalid isolation level");
  const [readOnly, deferrable] = [isTrue("neon-batch-read-only"), isTrue("neon-batch-deferrable")];
  const modes = [known && `ISOLATION LEVEL ${known[1]}`, readOnly && "READ ONLY", deferrable && "DEFERRABLE"];
  return {
    rawText: isTrue("neon-raw-text-output"),
    arrayMode: isTrue("neon-array-mode"),
    begin: ["BEGIN", ...modes.filter(Boolean)].join(" "),
    echo: {
      ...(known && { "Neon-Batch-Isolation-Level": known[0] }),
      ...(readOnly && { "Neon-Batch-Read-Only": "true" }),
      ...(deferrable && { "Neon-Batch-Deferrable": "true" }),
    },
  };
}

/** Parameters are text to PostgreSQL, which knows their types; JSON arrays become PostgreSQL's array literals. */
export function toText(param: unknown): string | null {
  if (param === null) return null;
  if (typeof param === "string") return param;
  return Array.isArray(param) ? arrayLiteral(param) : JSON.stringify(param);
}

function arrayLiteral(values: unknown[]): string {
  const items = values.map((value) => {
    if (value === null) return "NULL";
    if (Array.isArray(value)) return arrayLiteral(value);
    // JSON's escapes of a quote and a backslash are those of array literals.
    return JSON.stringify(typeof value === "object" ? JSON.stringify(value) : value);
  });
  return `{${items.join(",")}}`;
}

/** The reply: one result, or a batch's in a list. */
export function writeResults(results: TextResult[], payload: Payload, modes: Modes): object {
  const statements = "queries" in payload ? payload.queries : [payload];
  const written = results.map((result, i) =>
    writeResult(result, statements[i]?.arrayMode ?? modes.arrayMode, modes),
  );
  return "queries" in payload ? { results: written } : (written[0] ?? {});
}

function writeResult(result: TextResult, rowAsArray: boolean, modes: Modes): object {
  const { fields } = result;
  const parsers = modes.rawText ? undefined : fields.map((field) => jsonParser(field.dataTypeID));
  const rows = parsers
    ? result.rows.map((row) => row.map((text, i) => (text === null ? null : parsers[i]?.(text))))
    : result.rows;
  return {
    command: result.command || "",
    rowCount: result.rowCount,
    rowAsArray,
    fields: fields.map((field) => ({
      name: field.name,
      dataTypeID: field.dataTypeID,
      tableID: field.tableID,
      columnID: field.columnID,
      dataTypeSize: field.dataTypeSize,
      dataTypeModifier: field.dataTypeModifier,
      format: "text",
    })),
    rows: rowAsArray
      ? rows
      : rows.map((row) => Object.fromEntries(fields.map((field, i) => [field.name, row[i] ?? null]))),
  };
}

const typeIds = { bool: 16, int2: 21, int4: 23, float4: 700, float8: 701, json: 114, jsonb: 3802 } as const;

/** What becomes of the text of a value in JSON, by type id; other types stay text. */
function jsonParser(type: number): (text: string) => unknown {
  switch (type) {
    case typeIds.bool:
      return (text) => text === "t";
    case typeIds.int2:
    case typeIds.int4:
      return Number;
    case typeIds.float4:
    case typeIds.float8:
      // JSON has no NaN and no infinity: those stay text.
      return (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
    case typeIds.json:
    case typeIds.jsonb:
      return (text) => JSON.parse(text) as unknown;
    default:
      return (text) => text;
  }
}

/** An error as the reply carries it: every field that `NeonDbError` has, null where PostgreSQL said nothing. */
export function writeError(error: unknown): object {
  const from = error instanceof pg.DatabaseError ? error : undefined;
  return {
    message: error instanceof Error ? error.message : String(error),
    code: from?.code ?? (error instanceof Refusal ? error.code : ""),
    detail: from?.detail ?? null,
    hint: from?.hint ?? null,
    position: from?.position ?? null,
    internalPosition: from?.internalPosition ?? null,
    internalQuery: from?.internalQuery ?? null,
    severity: from?.severity ?? "",
    where: from?.where ?? null,
    table: from?.table ?? null,
    column: from?.column ?? null,
    schema: from?.schema ?? null,
    dataType: from?.dataType ?? null,
    constraint: from?.constraint ?? null,
    file: from?.file ?? null,
    line: from?.line ?? null,
    routine: from?.routine ?? null,
  };
}
