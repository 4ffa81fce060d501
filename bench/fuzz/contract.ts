/**
 * Requests made from the contract itself (`openapi.json`): for each call bodies, paths and queries that are right, right but
 * for one place, or odd throughout. So a call that is added to the contract is fuzzed without anybody thinking of it.
 */
import fc from "fast-check";
import { z } from "zod";
import { oddText, oddValue, worse } from "./odd.ts";
import type { FuzzedRequest, Known } from "./requests.ts";

interface Schema {
  $ref?: string | undefined;
  type?: string | undefined;
  enum?: unknown[] | undefined;
  format?: string | undefined;
  pattern?: string | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
  required?: string[] | undefined;
  items?: Schema | undefined;
  properties?: Record<string, Schema> | undefined;
}

const schema: z.ZodType<Schema> = z.object({
  $ref: z.string().optional(),
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  format: z.string().optional(),
  pattern: z.string().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  required: z.array(z.string()).optional(),
  items: z.lazy(() => schema).optional(),
  properties: z.lazy(() => z.record(z.string(), schema)).optional(),
});

const content = z.record(z.string(), z.object({ schema, example: z.unknown().optional() }));
const operation = z.object({
  security: z.array(z.record(z.string(), z.unknown())).default([]),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), schema })).default([]),
  requestBody: z.object({ content }).optional(),
});
type Operation = z.output<typeof operation>;
const contract = z.object({
  // Those of answers have more in them than is read here.
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

/** The calls of a contract, as `GET /openapi.json` answers it. */
export function contractRequests(document: unknown, known: Known): fc.Arbitrary<FuzzedRequest> {
  const { components, paths } = contract.parse(document);
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]) => ({ path, method: method.toUpperCase(), call })),
  );

  const right = (asked: Schema): fc.Arbitrary<unknown> => {
    const named = asked.$ref?.split("/").at(-1);
    return rightValue(named === undefined ? asked : schema.parse(components.schemas[named]), right);
  };

  // Made once for each call: most of the work is in the patterns.
  const requests = calls.map(({ path, method, call }) =>
    fc
      .tuple(
        pathOf(path, call, known, right),
        queryOf(call, right),
        headersOf(call, known),
        bodyOf(call, known, right),
      )
      .map(([start, query, { type, ...headers }, body]): FuzzedRequest => ({
        method,
        path: start + query,
        headers: [
          ...Object.entries(headers),
          ...(body === undefined ? [] : [["content-type", type ?? body.type] as [string, string]]),
        ],
        body: body === undefined ? undefined : Buffer.from(body.text),
      })),
  );
  return fc.oneof(...requests);
}

type Right = (schema: Schema) => fc.Arbitrary<unknown>;

function rightValue(asked: Schema, right: Right): fc.Arbitrary<unknown> {
  const { minLength = 0, maxLength = 40, minimum = -10, maximum = 10_000_000 } = asked;
  if (asked.enum !== undefined) return fc.constantFrom(...asked.enum);
  switch (asked.type) {
    case "string":
      if (asked.format === "uuid") return fc.uuid();
      if (asked.format === "email") return fc.emailAddress();
      if (asked.format === "date-time")
        return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
      if (asked.pattern !== undefined) return matching(asked.pattern);
      return fc.string({ unit: "grapheme", minLength, maxLength: Math.min(maxLength, 200) });
    case "integer":
      return fc.oneof(fc.constantFrom(minimum, maximum), fc.integer({ min: minimum, max: maximum }));
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "array": {
      const { minItems = 0, maxItems = 5 } = asked;
      return fc.array(right(asked.items ?? {}), {
        minLength: minItems,
        maxLength: Math.min(maxItems, minItems + 4),
      });
    }
    case "object":
      return fc.record(
        Object.fromEntries(Object.entries(asked.properties ?? {}).map(([name, of]) => [name, right(of)])),
        { requiredKeys: asked.required ?? [] },
      );
    case undefined:
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** Texts of a pattern; its lookaheads, which fast-check cannot make, choose among them. */
const matching = (pattern: string) =>
  fc
    .stringMatching(new RegExp(pattern.replaceAll(/\(\?![^)]*\)/g, "")))
    .filter((text) => new RegExp(pattern).test(text));

/** In place of what a path or a query names: something real, something of the kind, anything. */
function pathOf(path: string, call: Operation, known: Known, right: Right): fc.Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const sale = wantedBy(call) === "operator" ? known.operated : known.sale;
  const real: Record<string, string> = { sale, id: known.reservationId };
  const { parameters } = call;
  const values = names.map((name) =>
    fc.oneof(
      { weight: 8, arbitrary: fc.constant(real[name] ?? "1") },
      { weight: 1, arbitrary: right(parameters.find((one) => one.name === name)?.schema ?? {}).map(String) },
      { weight: 1, arbitrary: oddText },
    ),
  );
  return fc
    .tuple(...values)
    .map((chosen) =>
      names.reduce((text, name, nth) => text.replace(`{${name}}`, escaped(chosen[nth] ?? "")), path),
    );
}

function queryOf({ parameters }: Operation, right: Right): fc.Arbitrary<string> {
  const asked = parameters.filter((one) => one.in === "query");
  const pair = ({ name, schema: of }: (typeof asked)[number]) =>
    fc
      .oneof({ weight: 3, arbitrary: right(of).map(String) }, { weight: 1, arbitrary: oddText })
      .map((value) => `${name}=${escaped(value)}`);
  if (asked.length === 0) return fc.constantFrom("", "", "?x=1");
  return fc
    .array(fc.oneof(...asked.map(pair)), { maxLength: 4 })
    .map((all) => (all.length === 0 ? "" : `?${all.join("&")}`));
}

const wantedBy = ({ security }: Operation) => Object.keys(security[0] ?? {})[0] ?? "";

function headersOf(call: Operation, known: Known) {
  const tokens: Record<string, string> = {
    operator: known.operator,
    ticket: known.ticket,
    pass: known.pass,
  };
  const token = fc.oneof(
    { weight: 9, arbitrary: fc.constant(tokens[wantedBy(call)]) },
    fc.constantFrom(...Object.values(tokens), undefined),
  );
  return fc
    .record({ address: fc.ipV4(), token, type: odd("application/json; charset=latin1", "text/csv") })
    .map(({ address, token: bearer, type }): { type?: string; [name: string]: string } => ({
      "cf-connecting-ip": address,
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(type === undefined ? {} : { type }),
    }));
}

/** Mostly nothing. */
const odd = (...values: string[]) =>
  fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, fc.constantFrom(...values));

function bodyOf({ requestBody }: Operation, known: Known, right: Right) {
  const [type = "", said] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (said === undefined) return fc.constant(undefined);
  if (type === "text/csv") return csv.map((text) => ({ type, text }));
  const own = JSON.stringify(said.example ?? {})
    .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, known.reservationId)
    .replaceAll('"M"', `"${known.sku}"`);
  const example = fc.constant<unknown>(JSON.parse(own));
  const good = fc.oneof(example, right(said.schema));
  const text = fc.oneof(
    good.map((value) => JSON.stringify(value)),
    { weight: 2, arbitrary: good.chain(nearly).map((value) => JSON.stringify(value)) },
    good.chain((value) => worse(JSON.stringify(value))),
  );
  return text.map((json) => ({ type, text: json }));
}

/** A value with one place of it changed, left out or added. */
function nearly(value: unknown): fc.Arbitrary<unknown> {
  const places = placesOf(value);
  const change = fc.constantFrom("leave out", "add", "another value", "another text");
  return fc.tuple(fc.constantFrom(...places), change, oddValue, oddText).map(([place, kind, odder, text]) => {
    if (place.length === 0) return odder;
    const copy = structuredClone(value);
    const last = place.at(-1) ?? "";
    const holder = place.slice(0, -1).reduce<unknown>((at, step) => Reflect.get(Object(at), step), copy);
    if (typeof holder !== "object" || holder === null) return copy;
    if (kind === "leave out") Reflect.deleteProperty(holder, last);
    else if (kind === "add") Reflect.set(holder, `${last}x`, odder);
    else Reflect.set(holder, last, kind === "another text" ? text : odder);
    return copy;
  });
}

function placesOf(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([name, inside]) => placesOf(inside, [...at, name]))];
}

const cell = fc.oneof(fc.emailAddress(), oddText, fc.constantFrom('"', '""', '"a,b"', "a\nb", "=1+1"));
const csv = fc
  .tuple(
    fc.constantFrom("email", "Email ", "email,name", "__proto__,email", "email,email", "name", ""),
    fc.array(fc.array(cell, { maxLength: 3 }), { maxLength: 8 }),
    fc.constantFrom("\n", "\r\n", "\r"),
  )
  .map(([head, rows, end]) => [head, ...rows.map((row) => row.join(","))].join(end));

/** Half a pair of surrogates cannot be written into a path. */
const escaped = (text: string) => encodeURIComponent(text.toWellFormed());
