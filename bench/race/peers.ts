/** The peers' own installs: `npm ci` in a peer's folder, once; without a network the reason is what the table shows. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Opened, Settings, Variant } from "../measure.ts";
import { startStores, type Stores } from "../stores.ts";
import { startEntrant, type Entrant } from "./race.ts";

const PEERS_DIR = path.join(import.meta.dirname, "../peers");
const INSTALL_MAX_MS = 300_000;

type RaceStores = Stores<"redis" | "postgres">;

/**
 * Ours and its peers over the same stores, ready to be measured.
 * @param ours the contestant's file in this folder @param peers what a peer is called → its folder
 * @param variantOf how one of them is measured
 */
export async function openRace(
  ours: string,
  peers: Record<string, string>,
  variantOf: (entrant: Entrant, name: string, stores: RaceStores) => Variant,
  { say }: Settings,
): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const entrants = new Map([["ours", await startEntrant(path.join(import.meta.dirname, ours), stores)]]);
  const skipped: Record<string, string> = {};
  for (const [name, folder] of Object.entries(peers))
    try {
      entrants.set(name, await startPeer(folder, stores, say));
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      skipped[name] = error.message;
    }
  return {
    variants: Object.fromEntries(
      Array.from(entrants, ([name, entrant]) => [name, variantOf(entrant, name, stores)]),
    ),
    skipped,
    close: async () => {
      await Promise.all(Array.from(entrants.values(), (entrant) => entrant.close()));
      await stores.close();
    },
  };
}

/** A peer that cannot take part here; the message says why. */
class Absent extends Error {}

/** @throws Absent */
async function startPeer(name: string, stores: RaceStores, say: Settings["say"]): Promise<Entrant> {
  install(name, say);
  try {
    return await startEntrant(path.join(PEERS_DIR, name, "peer.js"), stores);
  } catch (error) {
    throw new Absent(firstLine(error instanceof Error ? error.message : String(error)));
  }
}

/** Nothing happens where what the lock file says is there. */
function install(name: string, say: (line: string) => void): void {
  const folder = path.join(PEERS_DIR, name);
  const lock = readFileSync(path.join(folder, "package-lock.json"), "utf8");
  const installed = path.join(folder, "node_modules", ".installed-lock.json");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return;
  say(`${name}: installing what it needs`);
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"];
  const options = { cwd: folder, encoding: "utf8", timeout: INSTALL_MAX_MS } as const;
  const { status, stderr, error } = spawnSync("npm", args, options);
  if (status !== 0) throw new Absent(`npm ci did not work: ${firstLine(error?.message ?? stderr)}`);
  writeFileSync(installed, lock);
}

const firstLine = (text: string) =>
  text
    .split("\n")
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, "").trim())
    .find((line) => line !== "" && !line.startsWith("npm warn")) ?? "it did not say why";
