/**
 * Negative controls: each deliberate defect is simulated until a rule notices, from the first seed on.
 * `node bench/simulate/controls.ts [--write] [NAME…]` prints the table, or writes it into docs/PROOF.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { defects } from "./defects.ts";
import { Pool } from "./pool.ts";

export const PROOF = path.join(import.meta.dirname, "../../docs/PROOF.md");
const BEGIN = "<!-- controls -->";
const END = "<!-- /controls -->";
const SALES_MAX = 10_000;
const AT_ONCE = 2;

export interface Caught {
  rule: string;
  /** The first that breaks it; as many sales it took. */
  seed: number;
}

/** @param from the first seed to try @returns undefined where nothing is noticed */
export async function control(
  pool: Pool,
  defect: string,
  from = 1,
  to = SALES_MAX,
): Promise<Caught | undefined> {
  for (let seed = from; seed <= to; seed++) {
    const [violation] = (await pool.run({ seed, defect, wantsHistory: false })).violations;
    if (violation !== undefined) return { rule: violation.rule, seed };
  }
  return undefined;
}

const row = (name: string, what: string, caught: Caught | undefined) =>
  `| \`${name}\` | ${what} | ${caught?.rule ?? "NOT CAUGHT"} | ${caught?.seed ?? "–"} |`;

/** What docs/PROOF.md says. */
export function readTable(): Map<string, Caught> {
  const text = readFileSync(PROOF, "utf8");
  const rows = [...text.matchAll(/^\| `([\w-]+)` \| .* \| ([\w ]+) \| (\d+) \|$/gm)];
  return new Map(rows.map(([, name = "", rule = "", seed = ""]) => [name, { rule, seed: Number(seed) }]));
}

async function main(args: string[]): Promise<void> {
  const wanted = defects.filter(
    ({ name }) => args.every((arg) => arg.startsWith("--")) || args.includes(name),
  );
  const known = args.includes("--write") ? readTable() : new Map<string, Caught>();
  const waiting = [...wanted];
  const pool = await Pool.start(AT_ONCE);
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const caught = await control(pool, next.name);
      process.stderr.write(`${row(next.name, next.what, caught)}\n`);
      if (caught === undefined) process.exitCode = 1;
      else known.set(next.name, caught);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker)).finally(() => pool.stop());
  if (!args.includes("--write")) return;
  const head = ["| defect | what is wrong | caught by the rule | after so many sales |", "|---|---|---|---|"];
  const table = [...head, ...defects.map(({ name, what }) => row(name, what, known.get(name)))].join("\n");
  const text = readFileSync(PROOF, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  writeFileSync(PROOF, `${before}${BEGIN}\n\n${table}\n\n${END}${rest.split(END)[1] ?? ""}`);
}

if (import.meta.main) await main(process.argv.slice(2));
