/** The contract as people read it: its calls by who makes them, with examples. Pure. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { bodies, parameters } from "./examples.ts";

type Contract = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

const groups: [name: string, description: string, begins: RegExp][] = [
  ["Operators", "with the operator's token", /^\/api\/admin\//],
  ["Registration", "before the sale", /^\/api\/sales\/\{sale\}\/registrations/],
  ["Shoppers", "from the line to the order, with a ticket and then a pass", /^\/api\/sales\/\{sale\}\/./],
  ["Everybody", "the same answer for all, from the cache", /^\//],
];
const everybody = /\/pulse$/;
const methods = ["get", "post", "put", "delete"] as const;

/** What is refused before a call is looked at, so that it stands at none of them. */
const anyOther = {
  description:
    "Any call may be refused so: `malformed_json` 400, `method_not_allowed` 405, `body_incomplete` 408, `body_too_large` 413, " +
    "`unsupported_media_type` 415, `rate_limited` 429, `unavailable` 503, the last two with `Retry-After`.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

export function withExamples(contract: Contract): Contract {
  for (const [path, item] of Object.entries(contract.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (operation === undefined) continue;
      const [group] = groups.find(([name, , begins]) =>
        everybody.test(path) ? name === "Everybody" : begins.test(path),
      ) ?? ["Everybody"];
      operation.tags = [group];
      operation.responses = { ...operation.responses, default: anyOther };
      for (const parameter of operation.parameters ?? [])
        if ("in" in parameter && parameter.in === "path") parameter.example = parameters[parameter.name];
      const { requestBody } = operation;
      const body = bodies[`${method.toUpperCase()} ${path}`];
      if (requestBody === undefined || !("content" in requestBody) || body === undefined) continue;
      for (const content of Object.values(requestBody.content)) content.example = body;
    }
  }
  const tags = groups.toReversed().map(([name, description]) => ({ name, description }));
  return { ...contract, tags };
}
