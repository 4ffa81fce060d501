/**
 * Builds both Workers as `wrangler deploy` would, so that what runs here are the very bundles that are deployed.
 */
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

const root = path.resolve(import.meta.dirname, "../..");
const wrangler = path.join(
  path.dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
  "bin/wrangler.js",
);

/** The Workers by the role they play, and where their configuration is. */
export const configs = { edge: "wrangler.toml", functions: "functions/wrangler.toml" } as const;
export type WorkerRole = keyof typeof configs;

const configured = z.object({
  compatibility_date: z.string(),
  ratelimits: z
    .array(
      z.object({
        name: z.string(),
        namespace_id: z.string(),
        simple: z.object({ limit: z.number(), period: z.union([z.literal(10), z.literal(60)]) }),
      }),
    )
    .default([]),
  durable_objects: z
    .object({ bindings: z.array(z.object({ name: z.string(), class_name: z.string() })) })
    .default({ bindings: [] }),
});

/** What a bundle keeps of its configuration; wrangler, which can read that, takes seconds to load. */
const CONFIGURED = "configured.json";

export interface Bundle {
  compatibilityDate: string;
  /** Its rate-limit bindings, as configured. */
  rateLimits: z.output<typeof configured>["ratelimits"];
  /** The classes of Durable Objects by the names of their bindings. */
  durableObjects: Record<string, string>;
  /** The script first, then the text modules it imports. */
  modules: { type: "ESModule" | "Text"; path: string; contents: string }[];
}

/**
 * @param outDir an empty folder of the caller's
 * @throws Error with wrangler's own words when a Worker does not build
 */
export async function buildWorker(role: WorkerRole, outDir: string): Promise<Bundle> {
  await promisify(execFile)(
    process.execPath,
    [wrangler, "deploy", "--dry-run", "--config", path.join(root, configs[role]), "--outdir", outDir],
    { cwd: root, env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" } },
  ).catch((error: unknown) => {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new Error(`the ${role} Worker does not build:\n${said}`);
  });
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const config = configured.parse(readConfig({ config: path.join(root, configs[role]) }));
  await writeFile(path.join(outDir, CONFIGURED), JSON.stringify(config));
  return await readBundle(outDir);
}

/** Reads what `buildWorker` left in a folder. */
export async function readBundle(outDir: string): Promise<Bundle> {
  const texts = (await readdir(outDir)).filter((name) => /\.(lua|sql)$/.test(name));
  const read = (name: string) => readFile(path.join(outDir, name), "utf8");
  const config = configured.parse(JSON.parse(await read(CONFIGURED)));
  return {
    compatibilityDate: config.compatibility_date,
    rateLimits: config.ratelimits,
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name }) => [name, class_name]),
    ),
    modules: [
      { type: "ESModule", path: "index.js", contents: await read("index.js") },
      ...(await Promise.all(
        texts.map(async (name) => ({ type: "Text" as const, path: name, contents: await read(name) })),
      )),
    ],
  };
}
