/**
 * `npm run deploy`: looks at everything that has to be right, then migrates the database, deploys the functions and then the
 * edge, and looks whether they reach their stores. Each step may be repeated; what fails is one line with the way out, and
 * nothing after it is done.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, CommanderError } from "commander";
import { migrate } from "../postgres/migrate.ts";
import { buildWorker, type WorkerRole } from "../workers/build.ts";
import { checkConfiguration, checkSecrets, readConfigs, type Finding } from "./configuration.ts";
import { checkHealth } from "./health.ts";
import { deploy, secretsOf, whoami } from "./wrangler.ts";

const root = path.resolve(import.meta.dirname, "../..");
const roles: WorkerRole[] = ["functions", "edge"];
const marks = { ok: "✓", note: "!", wrong: "✗" };

interface Options {
  dryRun?: true;
  migrate: boolean;
  url?: string;
}

/** Something is wrong and was said. */
class Stopped extends Error {}

function say(findings: Finding[]): void {
  for (const { state, line } of findings) process.stdout.write(`${marks[state]} ${line}\n`);
  if (findings.some(({ state }) => state === "wrong")) throw new Stopped();
}
const ok = (line: string): void => say([{ state: "ok", line }]);
const stop = (line: string): never => {
  say([{ state: "wrong", line }]);
  throw new Stopped();
};

/** What failed, as one finding with the way out. */
async function step<Result>(work: Promise<Result>, way = ""): Promise<Result> {
  return await work.catch((error: unknown) => {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return stop(`${line}${way === "" ? "" : ` ${way}`}`);
  });
}

async function main({ dryRun, migrate: migrates, url }: Options): Promise<void> {
  const configs = readConfigs();
  say(checkConfiguration(configs));
  for (const role of roles) await build(role);
  if (dryRun === true) {
    ok("nothing was deployed: this was a dry run");
    return;
  }

  const who = await whoami();
  if (who === undefined)
    stop("not logged in at Cloudflare: npx wrangler login, or set CLOUDFLARE_API_TOKEN.");
  ok(`logged in at Cloudflare as ${who ?? ""}`);
  const found: Finding[] = [];
  for (const role of roles) found.push(...checkSecrets(role, configs[role], await step(secretsOf(role))));
  say(found);

  if (migrates) await migrateDatabase();
  else say([{ state: "note", line: "the database is left as it is" }]);
  for (const role of roles) {
    const targets = await step(deploy(role), "`npx wrangler tail` and the dashboard know more.");
    ok(`the ${role} Worker is deployed${targets.length > 0 ? `: ${targets.join(", ")}` : ""}`);
    if (role === "edge") url ??= targets.find((target) => target.startsWith("https://"));
  }
  if (url !== undefined) say(await checkHealth(url));
  else say([{ state: "note", line: "its address is not known here: look at /healthz, or give --url." }]);
}

async function build(role: WorkerRole): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "flash-sale-deploy-"));
  try {
    const { modules } = await buildWorker(role, folder).catch((error: unknown) => {
      // Its own words, which name the file and the line.
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      return stop(`the ${role} Worker does not build: see above.`);
    });
    const kilobytes = Math.round(modules.reduce((sum, { contents }) => sum + contents.length, 0) / 1024);
    ok(`the ${role} Worker builds: ${kilobytes} KB`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function migrateDatabase(): Promise<void> {
  const { DATABASE_URL: database = "" } = process.env;
  if (database === "")
    stop("DATABASE_URL is not set: the connection string from Neon, for the migrations; or --no-migrate.");
  const applied = await step(
    migrate(database, path.join(root, "migrations")),
    "The database is as it was before that file; look at DATABASE_URL.",
  );
  ok(applied.length === 0 ? "the database is up to date" : `migrated: ${applied.join(", ")}`);
}

const command = new Command("deploy")
  .description("Checks, migrates, deploys the functions and then the edge, and looks whether they work.")
  .option("--dry-run", "check the configuration and build both, without an account")
  .option("--no-migrate", "leave the database as it is")
  .option("--url <url>", "where the shop is, if not at the edge's own address")
  .exitOverride()
  .showHelpAfterError("See --help.")
  .addHelpText(
    "after",
    `
Examples:
  npm run deploy -- --dry-run
  DATABASE_URL=postgresql://… npm run deploy -- --url https://shop.example

DATABASE_URL is Neon's connection string; CLOUDFLARE_API_TOKEN, or \`npx wrangler login\`, the account.
Exit code: 0 done · 1 something is wrong, and said · 2 not understood.`,
  );

try {
  command.parse();
  await main(command.opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof Stopped) process.exitCode = 1;
  else throw error;
}
