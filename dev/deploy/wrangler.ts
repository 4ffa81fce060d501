/** Wrangler, as `npm run deploy` needs it: its own words are kept for when it fails. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { configs, type WorkerRole } from "../workers/build.ts";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(
  path.dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
  "bin/wrangler.js",
);

interface Ran {
  ok: boolean;
  out: string;
  /** The line in which it says what is wrong. */
  why: string;
}

function wrangler(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const options = {
    cwd: root,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1", ...env },
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], options, (error, out, err) =>
      resolve({ ok: error === null, out, why: whyOf(`${err}\n${out}`) }),
    );
  });
}

function whyOf(said: string): string {
  const line = said.split("\n").find((text) => text.includes("[ERROR]") || /✘|ERROR/.test(text)) ?? "";
  return line.replace(/^.*?ERROR\S*\s*/, "").trim() || "it does not say why.";
}

const account = z.object({ loggedIn: z.boolean(), email: z.string().nullish() });

/** @returns whom it is logged in as; undefined when nobody */
export async function whoami(): Promise<string | undefined> {
  const { out } = await wrangler(["whoami", "--json"]);
  const said = account.safeParse(jsonIn(out));
  return said.success && said.data.loggedIn ? (said.data.email ?? "an API token") : undefined;
}

/** @returns names of the secrets a Worker has; none where it was never deployed. @throws Error with wrangler's words */
export async function secretsOf(role: WorkerRole): Promise<string[]> {
  const { ok, out, why } = await wrangler(["secret", "list", "--config", configs[role]]);
  if (ok)
    return z
      .array(z.object({ name: z.string() }))
      .parse(jsonIn(out))
      .map(({ name }) => name);
  if (/not (found|exist)|10007/i.test(why)) return [];
  throw new Error(`the secrets of the ${role} Worker cannot be listed: ${why}`);
}

const deployed = z.object({ type: z.literal("deploy"), targets: z.array(z.string()).default([]) });

/** @returns where it can be reached. @throws Error with wrangler's words */
export async function deploy(role: WorkerRole): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "flash-sale-deploy-"));
  const report = path.join(folder, "report.ndjson");
  try {
    const { ok, why } = await wrangler(["deploy", "--config", configs[role]], {
      WRANGLER_OUTPUT_FILE_PATH: report,
    });
    if (!ok) throw new Error(`the ${role} Worker is not deployed: ${why}`);
    const lines = (await readFile(report, "utf8"))
      .split("\n")
      .map((line) => deployed.safeParse(jsonIn(line)));
    return lines.flatMap((line) => (line.success ? line.data.targets : []));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is JSON in an output that begins or ends with words. */
function jsonIn(text: string): unknown {
  const [json] = /[[{][^]*[\]}]/.exec(text) ?? [];
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
