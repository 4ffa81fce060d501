/** /docs, and the examples of the contract: each is sent to a whole system, in an order that makes a sale. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { z } from "zod";
import { launch, visitor } from "../browser/browser.ts";
import { ask, newAddress, until, withStack, type Answer } from "../http/harness.ts";

const stack = withStack();

const operation = z.object({
  tags: z.tuple([z.string()]),
  summary: z.string(),
  parameters: z
    .array(z.object({ in: z.string(), name: z.string(), example: z.unknown().optional() }))
    .default([]),
  requestBody: z
    .object({ content: z.record(z.string(), z.object({ example: z.unknown().optional() })) })
    .optional(),
  responses: z.record(z.string(), z.unknown()),
});
const contract = z.object({
  paths: z.record(
    z.string(),
    z.object({
      get: operation.optional(),
      post: operation.optional(),
      put: operation.optional(),
      delete: operation.optional(),
    }),
  ),
});

/** The calls, in order, with what becomes of each. A word where there is nothing yet to do it with. */
const story: [method: "GET" | "POST" | "PUT" | "DELETE", path: string, outcome: number | string][] = [
  ["POST", "/api/admin/sales", 201],
  ["GET", "/api/admin/sales", 200],
  ["GET", "/api/admin/sales/{sale}", 200],
  ["PUT", "/api/admin/sales/{sale}", 200],
  ["GET", "/api/sales", 200],
  ["GET", "/api/sales/{sale}", 200],
  ["GET", "/api/sales/{sale}/pulse", 200],
  ["POST", "/api/sales/{sale}/registrations", 202],
  ["POST", "/api/sales/{sale}/registrations/confirm", "invalid_input"],
  ["GET", "/api/sales/{sale}/registrations/mine", "registration_needed"],
  ["POST", "/api/sales/{sale}/registrations/cancel", "registration_needed"],
  ["POST", "/api/admin/sales/{sale}/invites", 200],
  ["GET", "/api/admin/sales/{sale}/registrations", 200],
  ["GET", "/api/admin/sales/{sale}/registrations.csv", 200],
  ["GET", "/api/admin/emails", 200],
  ["POST", "/api/admin/emails/{id}/retry", "not_found"],
  ["POST", "/api/admin/sales/{sale}/open", 200],
  ["POST", "/api/sales/{sale}/queue", 201],
  ["POST", "/api/sales/{sale}/entry", 201],
  ["POST", "/api/sales/{sale}/reservations", 201],
  ["GET", "/api/sales/{sale}/reservations/{id}", 200],
  ["POST", "/api/sales/{sale}/reservations/{id}/extension", 200],
  ["POST", "/api/sales/{sale}/reservations/{id}/checkout", 200],
  ["GET", "/api/sales/{sale}/orders/{id}", 200],
  ["DELETE", "/api/sales/{sale}/reservations/{id}", "already_confirmed"],
  ["DELETE", "/api/sales/{sale}/queue", 204],
  ["POST", "/api/admin/session", 201],
  ["GET", "/api/admin/session", 200],
  ["GET", "/api/admin/overview", 200],
  ["POST", "/api/admin/preview", 200],
  ["GET", "/api/admin/sales/{sale}/checklist", 200],
  ["GET", "/api/admin/sales/{sale}/live", 200],
  ["GET", "/api/admin/sales/{sale}/orders", 200],
  ["GET", "/api/admin/sales/{sale}/reservations", 200],
  ["POST", "/api/admin/sales/{sale}/orders/{id}/refunds", "not_found"],
  ["POST", "/api/admin/sales/{sale}/pause", 200],
  ["POST", "/api/admin/sales/{sale}/resume", 200],
  ["POST", "/api/admin/sales/{sale}/release-size", 200],
  ["POST", "/api/admin/sales/{sale}/top-up", 200],
  ["POST", "/api/admin/sales/{sale}/mode", 200],
  ["POST", "/api/admin/sales/{sale}/reconciliations", 200],
  ["GET", "/api/admin/sales/{sale}/reconciliations", 200],
  ["GET", "/api/admin/sales/{sale}/reconciliations/{id}", 200],
  ["POST", "/api/admin/sales/{sale}/discrepancies/{discrepancy}/approve", "not_found"],
  ["POST", "/api/admin/sales/{sale}/remedy-limit", 200],
  ["POST", "/api/admin/sales/{sale}/rebuild", "redis_intact"],
  ["POST", "/api/admin/sales/{sale}/drill", "not_a_rehearsal"],
  ["POST", "/api/admin/sales/{sale}/close", 200],
  ["GET", "/api/admin/sales/{sale}/settlement", "not_found"],
  ["GET", "/api/admin/audit-log", 200],
];

test("every example does what the contract says, and every call has its place in the story", async () => {
  const { paths } = contract.parse((await ask(stack.get(), "/openapi.json")).json);
  const all = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(story.map(([method, path]) => `${method} ${path}`).sort()).toEqual(all.sort());

  const [address, tokens] = [newAddress(), { ticket: "", pass: "" }];
  const tokenFor = (path: string) => {
    if (path.startsWith("/api/admin/")) return { token: stack.get().adminToken };
    if (/\/(entry|queue)$/.test(path) && tokens.ticket !== "") return { token: tokens.ticket };
    return tokens.pass === "" || path.includes("/registrations") ? {} : { token: tokens.pass };
  };
  for (const [method, template, outcome] of story) {
    const name = z.enum(["get", "post", "put", "delete"]).parse(method.toLowerCase());
    const { parameters, requestBody, responses } = operation.parse(paths[template]?.[name]);
    const examples = new Map(parameters.map((parameter) => [parameter.name, parameter.example]));
    const path = template.replaceAll(/\{(\w+)\}/g, (_, key: string) => String(examples.get(key)));
    const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
    const send = (): Promise<Answer> =>
      ask(stack.get(), path, {
        method,
        address,
        ...tokenFor(template),
        ...(type === undefined ? {} : { body: content?.example, headers: { "content-type": type } }),
      });
    const answer = await until(send, ({ type: word }) => word !== "not_your_turn");
    const became = typeof outcome === "string" ? answer.type : answer.status;
    expect([method, template, became, answer.type ?? ""]).toEqual([
      method,
      template,
      outcome,
      typeof outcome === "string" ? outcome : "",
    ]);
    expect(Object.keys(responses)).toContain(String(answer.status));
    if (typeof answer.json["ticket"] === "string") tokens.ticket = answer.json["ticket"];
    if (typeof answer.json["pass"] === "string") tokens.pass = answer.json["pass"];
  }
});

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

test("/docs shows each call by who makes it, with its example, from this host alone and within its policy", async () => {
  const { page, context, faults } = await visitor(browser, stack.get().url);
  const answer = await page.goto("/docs");
  expect(answer?.headers()["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self';/);
  await page.locator(".opblock").first().waitFor();
  expect(await page.locator(".opblock").count()).toBe(story.length);
  expect(
    await page.locator(".opblock-tag").evaluateAll((tags) => tags.map((tag) => tag.getAttribute("data-tag"))),
  ).toEqual(["Everybody", "Shoppers", "Registration", "Operators"]);
  const create = page.locator(".opblock-post", { has: page.locator('[data-path="/api/admin/sales"]') });
  await create.locator(".opblock-summary-control").first().click();
  await create.getByText("Five hundred pairs, two for each.").waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test("/docs without JavaScript says where the contract is", async () => {
  const { page, context } = await visitor(browser, stack.get().url, { javaScript: false });
  await page.goto("/docs");
  expect(await page.getByRole("link", { name: "/openapi.json" }).getAttribute("href")).toBe("/openapi.json");
  await context.close();
});
