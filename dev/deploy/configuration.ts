/** What of the configuration has to be right before anything is deployed. Pure, but for reading the files. */
import { unstable_readConfig as readConfig } from "wrangler";
import path from "node:path";
import { z } from "zod";
import { configs, type WorkerRole } from "../workers/build.ts";

const root = path.resolve(import.meta.dirname, "../..");

const configSchema = z.object({
  name: z.string(),
  compatibility_date: z.string(),
  workers_dev: z.boolean().optional(),
  preview_urls: z.boolean().optional(),
  route: z.unknown().optional(),
  routes: z.array(z.unknown()).optional(),
  placement: z.looseObject({ region: z.string().optional() }).optional(),
  triggers: z.object({ crons: z.array(z.string()).nullish() }).optional(),
  observability: z.looseObject({ redact_query_string: z.boolean().default(false) }).prefault({}),
  services: z.array(z.object({ binding: z.string(), service: z.string() })).default([]),
  secrets: z.object({ required: z.array(z.string()).default([]) }).default({ required: [] }),
  vars: z
    .looseObject({ EMAIL_FROM: z.string().default(""), JOIN_SHARDS_NEAR: z.string().default("") })
    .prefault({}),
});
export type Config = z.output<typeof configSchema>;

export interface Finding {
  state: "ok" | "note" | "wrong";
  /** One line; of what is wrong with the way out. */
  line: string;
}

export const readConfigs = (): Record<WorkerRole, Config> => ({
  edge: configSchema.parse(readConfig({ config: path.join(root, configs.edge) })),
  functions: configSchema.parse(readConfig({ config: path.join(root, configs.functions) })),
});

export function checkConfiguration({ edge, functions }: Record<WorkerRole, Config>): Finding[] {
  const findings: Finding[] = [];
  const check = (is: boolean, ok: string, wrong: string, state: "note" | "wrong" = "wrong") =>
    findings.push(is ? { state: "ok", line: ok } : { state, line: wrong });

  const bound = edge.services.find(({ binding }) => binding === "FUNCTIONS")?.service;
  check(
    bound === functions.name,
    `the edge is bound to ${functions.name}`,
    `the edge's FUNCTIONS is ${bound ?? "not bound"}: in ${configs.edge}, [[services]] has to name ${functions.name}.`,
  );
  check(
    edge.compatibility_date === functions.compatibility_date,
    `both Workers are of ${edge.compatibility_date}`,
    `compatibility_date is ${edge.compatibility_date} for the edge and ${functions.compatibility_date} for the functions: make them the same.`,
  );
  const isPublic =
    functions.workers_dev !== false || functions.route !== undefined || (functions.routes ?? []).length > 0;
  check(
    !isPublic,
    "the functions have no address of their own",
    `the functions would have a public address: in ${configs.functions}, set workers_dev = false and no routes.`,
  );
  const region = functions.placement?.region;
  check(
    region !== undefined,
    `the functions are placed in ${region ?? ""}; Redis and Postgres have to be there too`,
    `the functions are not placed: in ${configs.functions}, set [placement] region to that of Redis and Postgres.`,
  );
  check(
    functions.triggers?.crons?.includes("* * * * *") === true,
    "cron runs each minute",
    `cron does not run each minute: in ${configs.functions}, set [triggers] crons = ["* * * * *"].`,
  );
  const telling = [
    ...(edge.observability.redact_query_string ? [] : [configs.edge]),
    ...(functions.observability.redact_query_string ? [] : [configs.functions]),
  ];
  check(
    telling.length === 0,
    "logs and traces leave out queries, where the links of e-mails have their tokens",
    `logs and traces would show the tokens of e-mail links: in ${telling.join(" and ")}, set [observability] redact_query_string = true.`,
  );
  const { JOIN_SHARDS_NEAR: near, EMAIL_FROM: from } = functions.vars;
  const nearRegion = nearest(region ?? "");
  check(
    nearRegion?.includes(near) !== false,
    `joins of large sales are gathered in ${near}`,
    `joins of large sales would be gathered in ${near || "no region of ours"}, far from ${region ?? ""}: set JOIN_SHARDS_NEAR in ${configs.functions} to ${nearRegion?.[0] ?? ""}.`,
  );
  check(
    from !== "" && !/@example\.(com|org|net)\b/.test(from),
    `e-mail is from ${from}`,
    `e-mail would be from ${from || "nobody"}: set EMAIL_FROM in ${configs.functions} to an address of a domain set up for sending.`,
    "note",
  );
  return findings;
}

/** The names that Durable Objects have for where a cloud's region is, the best first; undefined where we do not know. */
const nearest = (region: string): string[] | undefined =>
  places.find(([pattern]) => pattern.test(region))?.[1];
const places: [RegExp, string[]][] = [
  [/[:-]eu(?:rope)?-(?:north|south|central-2|east)/, ["eeur", "weur"]],
  [/[:-]eu(?:rope)?-/, ["weur", "eeur"]],
  [/[:-]us-west/, ["wnam"]],
  [/[:-]us-/, ["enam"]],
  [/[:-]sa-/, ["sam"]],
  [/[:-]ap-northeast/, ["apac-ne", "apac"]],
  [/[:-]ap-southeast-2/, ["oc"]],
  [/[:-]ap-/, ["apac", "apac-se"]],
];

/** @param set names of the secrets that a Worker has */
export function checkSecrets(role: WorkerRole, { secrets }: Config, set: string[]): Finding[] {
  const missing = secrets.required.filter((name) => !set.includes(name));
  const put = (name: string) => `npx wrangler secret put ${name} -c ${configs[role]}`;
  if (missing.length > 0)
    return missing.map((name) => ({
      state: "wrong",
      line: `the ${role} Worker has no secret ${name}: ${put(name)}`,
    }));
  const found: Finding[] = [{ state: "ok", line: `the ${role} Worker has its secrets` }];
  const payments = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"].filter((name) => !set.includes(name));
  if (role === "functions" && payments.length > 0)
    found.push({
      state: "note",
      line: `only what is free can be sold, without ${payments.join(" and ")}: ${put(payments[0] ?? "")}`,
    });
  return found;
}
