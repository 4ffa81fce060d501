/** Builds both Workers once for all test files; the stacks they start read them from here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildWorker } from "../../dev/workers/build.ts";

export async function setup(): Promise<() => void> {
  const folder = mkdtempSync(path.join(tmpdir(), "flash-sale-bundles-"));
  await Promise.all([
    buildWorker("edge", path.join(folder, "edge")),
    buildWorker("functions", path.join(folder, "functions")),
  ]);
  process.env.FLASH_SALE_BUNDLES = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
