/** What every command has: the address, the token, how to print; and how their arguments are read. */
import { Command, InvalidArgumentError } from "commander";
import { createInterface } from "node:readline/promises";
import { connect, type Api } from "./api.ts";
import { createOutput, type Output } from "./output.ts";
import { Ended, EXIT } from "./refused.ts";

export interface Run {
  api: Api;
  out: Output;
}

const DEFAULT_URL = "http://localhost:8787";

interface Common {
  url: string;
  json?: true;
}

/** @throws {Ended} without a token, or with what cannot be one */
export function begin(command: Command): Run {
  const { url, json } = command.optsWithGlobals<Common>();
  const token = process.env.ADMIN_TOKEN ?? "";
  if (token === "")
    throw new Ended("ADMIN_TOKEN is not set: it has to hold the operator's token.", EXIT.usage);
  if (/[^ -~]/.test(token))
    throw new Ended(
      "ADMIN_TOKEN has characters that no token has: letters, digits and signs of ASCII.",
      EXIT.usage,
    );
  return { api: connect(url, token), out: createOutput(json === true) };
}

export function withCommonOptions(program: Command): Command {
  return program
    .option("--url <url>", "where the shop is", address, DEFAULT_URL)
    .option("--json", "print the API's JSON instead of tables");
}

/** Asks before what cannot be taken back; who runs it from a script has thought of it. */
export async function confirmed(question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true || !process.stdin.isTTY) return;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${question} [y/N] `);
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Ended("Nothing was changed.");
}

export function whole(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`A whole number from ${low} to ${high} is expected.`);
    return value;
  };
}

export function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new InvalidArgumentError("A UUID is expected.");
  return text.toLowerCase();
}

function address(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError("An http or https address is expected.");
  return new URL(text).origin;
}

export const saleArgument = ["<sale>", "id of the sale"] as const;
export const reasonOption = ["--reason <text>", "why, for the audit log", ""] as const;

/** Path of a sale below `/api/admin`. An id that is none becomes a path that is none. */
export const pathOf = (sale: string) => `/sales/${encodeURIComponent(sale)}`;

export const examples = (...lines: string[]) =>
  `\nExample${lines.length > 1 ? "s" : ""}:\n${lines.map((line) => `  npm run sale -- ${line}`).join("\n")}`;
