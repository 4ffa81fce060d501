/** `npm run sale` as an operator runs it: its own process, against a whole stack. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { Stack } from "../../dev/stack.ts";

const script = path.resolve(import.meta.dirname, "../../cli/sale.ts");

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** @param onOutput called with all of standard output so far: to stop it by a signal */
export function run(
  stack: Stack,
  args: string[],
  {
    token = stack.adminToken,
    url = stack.url,
    onOutput = () => undefined,
  }: {
    token?: string;
    url?: string;
    onOutput?: (out: string, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, "--url", url, ...args], {
      env: { ...process.env, ADMIN_TOKEN: token },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      onOutput(out, (signal) => child.kill(signal));
    });
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

/** A folder for the files of one test file. */
export async function useFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), "flash-sale-cli-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    path: (name: string) => path.join(folder, name),
    async write(name: string, text: string): Promise<string> {
      await writeFile(path.join(folder, name), text);
      return path.join(folder, name);
    },
  };
}
