/** Holds each script's header against its code and its typed wrapper: a contract that rots is worse than none. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { confirmScript } from "../../functions/checkout/payment.ts";
import { returnScript } from "../../functions/checkout/refund.ts";
import { releaseScript as tickScript } from "../../functions/queue/pulse.ts";
import { joinScript } from "../../functions/queue/join.ts";
import { enterScript, leaveScript } from "../../functions/queue/queue.ts";
import type { Script } from "../../functions/redis/client.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { expireScript } from "../../functions/reservation/expire.ts";
import { extendScript } from "../../functions/reservation/extend.ts";
import { releaseScript as giveBackScript, reserveScript } from "../../functions/reservation/reservation.ts";
import { admitScript } from "../../functions/registration/admit.ts";
import { returnSlotsScript } from "../../functions/registration/slots.ts";
import {
  adoptScript,
  cancelScript,
  recountScript,
  resendScript,
} from "../../functions/reconciliation/books.ts";
import { publishScript } from "../../functions/sale/publish.ts";
import { redefineScript } from "../../functions/sale/redefine.ts";
import { restoreScript } from "../../functions/sale/rebuild.ts";
import { setRuleScript } from "../../functions/sale/rules.ts";
import { topUpScript } from "../../functions/sale/top-up.ts";

const root = join(import.meta.dirname, "../../functions");

/** file → its wrapper, the wrapper's name, and the file that calls it. */
const scripts: Record<string, [Script<unknown>, string, string]> = {
  "queue/join.lua": [joinScript, "joinScript", "queue/join.ts"],
  "queue/leave.lua": [leaveScript, "leaveScript", "queue/queue.ts"],
  "queue/enter.lua": [enterScript, "enterScript", "queue/queue.ts"],
  "queue/release.lua": [tickScript, "releaseScript", "queue/pulse.ts"],
  "reservation/reserve.lua": [reserveScript, "reserveScript", "reservation/reservation.ts"],
  "reservation/release.lua": [giveBackScript, "releaseScript", "reservation/reservation.ts"],
  "reservation/extend.lua": [extendScript, "extendScript", "reservation/extend.ts"],
  "reservation/confirm.lua": [confirmScript, "confirmScript", "checkout/payment.ts"],
  "checkout/refund.lua": [returnScript, "returnScript", "checkout/refund.ts"],
  "reservation/expire.lua": [expireScript, "expireScript", "reservation/expire.ts"],
  "registration/admit.lua": [admitScript, "admitScript", "registration/admit.ts"],
  "registration/return-slots.lua": [returnSlotsScript, "returnSlotsScript", "registration/slots.ts"],
  "sale/publish.lua": [publishScript, "publishScript", "sale/publish.ts"],
  "sale/restore.lua": [restoreScript, "restoreScript", "sale/rebuild.ts"],
  "reconciliation/resend.lua": [resendScript, "resendScript", "reconciliation/books.ts"],
  "reconciliation/adopt.lua": [adoptScript, "adoptScript", "reconciliation/books.ts"],
  "reconciliation/cancel.lua": [cancelScript, "cancelScript", "reconciliation/cancel.ts"],
  "reconciliation/recount.lua": [recountScript, "recountScript", "reconciliation/books.ts"],
  "sale/top-up.lua": [topUpScript, "topUpScript", "sale/top-up.ts"],
  "sale/redefine.lua": [redefineScript, "redefineScript", "sale/redefine.ts"],
  "sale/set-rule.lua": [setRuleScript, "setRuleScript", "sale/rules.ts"],
};
const read = (file: string) => readFileSync(join(root, file), "utf8");
const unique = (words: (string | undefined)[]) => [...new Set(words)].sort();
const all = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, found]) => found);

/** The first element a reply can have, as its schema says: the words. */
const shape: z.ZodType<string[]> = z.union([
  z
    .object({ anyOf: z.array(z.unknown()) })
    .transform(({ anyOf }) => anyOf.flatMap((one) => shape.parse(one))),
  z.object({ items: z.object({}).loose() }).transform(({ items }) => shape.parse(items)),
  z.object({ prefixItems: z.array(z.unknown()) }).transform(({ prefixItems }) => shape.parse(prefixItems[0])),
  z.object({ enum: z.array(z.string()) }).transform((words) => words.enum),
  z.object({ const: z.string() }).transform((word) => [word.const]),
  z.object({ type: z.literal("number") }).transform(() => []),
]);

/** The n-th argument list in brackets after a wrapper's name, where it is called. */
function listAfter(source: string, name: string, nth: number): string {
  const call = source.slice(source.search(new RegExp(`\\b${name},`)));
  let depth = 0;
  let start = 0;
  for (let i = 0; i < call.length; i++) {
    if (call[i] === "[" && depth++ === 0) start = i + 1;
    if (call[i] === "]" && --depth === 0 && nth-- === 0) return call.slice(start, i);
  }
  throw new Error(`no call of ${name}`);
}

/** Elements of a list, commas inside brackets aside. */
function elements(list: string): number {
  let flat = list.replace(/,\s*$/, "");
  for (let before = ""; before !== flat;) [before, flat] = [flat, flat.replace(/\([^()]*\)/g, "")];
  return flat.split(",").length;
}

test("every script has its wrapper here", () => {
  expect(globSync("**/*.lua", { cwd: root }).sort()).toEqual(Object.keys(scripts).sort());
});

describe.each(Object.entries(scripts))("%s", (file, [script, wrapper, caller]) => {
  const lines = script.source.split("\n");
  const codeStart = lines.findIndex((line, i) => i > 0 && !line.startsWith("--"));
  const header = lines.slice(0, codeStart).join("\n");
  const code = lines.slice(codeStart).join("\n").replace(/--.*$/gm, "");
  const [, keysPart = "", argvPart = "", output = ""] =
    /^-- KEYS([^]*)^-- ARGV([^]*)^-- OUTPUT([^]*)/m.exec(header) ?? [];
  const keyNames = all(keysPart, /\d+ (\w+)/g);

  test("is what the wrapper sends, and locks only its keys", () => {
    expect(script.source).toBe(read(file));
    expect(lines[0]).toBe("#!lua flags=allow-key-locking");
  });

  test("says what it does and what it guarantees", () => {
    expect(lines[1]).toMatch(/^-- [A-Z]/);
    expect(header).toContain("\n-- Guarantee: ");
  });

  test("the words of the header, the code and the wrapper are the same", () => {
    const returned = code
      .split("\n")
      .filter((line) => /\breturn\b/.test(line))
      .join("\n");
    const inHeader = unique(all(output, /^-- {3}([a-z_]+) {2,}/gm));
    expect(unique(all(returned, /(?:\{ |answer\(|counted\()'([a-z_]+)'/g))).toEqual(inHeader);
    expect(unique(shape.parse(z.toJSONSchema(script.reply, { io: "input" })))).toEqual(inHeader);
    if (basename(file) !== "expire.lua") expect(inHeader).not.toEqual([]);
  });

  test("KEYS of the header, the code and the call are the same, in the same order", () => {
    expect(all(keysPart, /(\d+) \w+/g).map(Number)).toEqual(keyNames.map((_, i) => i + 1));
    const locals = keyNames.map((_, i) => `KEYS[${i + 1}]`).join(", ");
    expect(code.replace(/\s+/g, " ")).toMatch(
      new RegExp(`local ${keyNames.join(", ")}(?:, \\w+)* = ${locals.replace(/[[\]]/g, "\\$&")}`),
    );
    expect(Math.max(...all(code, /KEYS\[(\d+)\]/g).map(Number))).toBe(keyNames.length);
    expect(all(listAfter(read(caller), wrapper, 0), /\.(\w+)/g)).toEqual(keyNames);
    expect(Object.keys(saleKeys("x"))).toEqual(expect.arrayContaining(keyNames));
  });

  test("ARGV of the header, the code and the call are the same", () => {
    // A bare number before a word: not one of an explanation such as "(0 without)".
    const named = all(argvPart.replace(/\([^)]*\)/g, ""), /(?:^|\s)(\d+)(?:\.\.\.)? /g).map(Number);
    expect(named).toEqual(named.map((_, i) => i + 1));
    expect(Math.max(...all(code, /ARGV(?:\[|, )(\d+)/g).map(Number))).toBe(named.length);
    const sent = listAfter(read(caller), wrapper, 1);
    if (!sent.includes("...")) expect(elements(sent)).toBe(named.length);
  });

  test("every key it touches was passed to it; none is built inside", () => {
    const calls = Array.from(code.matchAll(/redis\.call\('(\w+)'(?:, *([^,)]+))?/g));
    // Beside commands there is only a hash of Redis, which touches no key.
    expect(calls.length).toBe(code.replaceAll("redis.sha1hex(", "").split("redis.").length - 1);
    const keyArguments = calls.filter(([, command]) => command !== "TIME").map(([, , key]) => key?.trim());
    // A function may take a key, if every call of it passes one of the script's.
    const taking = all(code, /local function (\w+)\(key\b/g);
    const passed = taking.flatMap((name) =>
      all(code, new RegExp(`(?<!function )\\b${String(name)}\\((\\w+)`, "g")),
    );
    const allowed = taking.length > 0 ? [...keyNames, "key"] : keyNames;
    expect(unique([...keyArguments, ...passed]).filter((key) => !allowed.includes(key))).toEqual([]);
    // And none of these names is given another meaning.
    const rest = code.replace(/^local [\w, ]+=\s+KEYS.*$/m, "");
    for (const name of allowed) expect(rest).not.toMatch(new RegExp(`\\b${String(name)}\\b[\\w, ]* = `));
  });
});

test("a key built inside, a word too many or a wrong number would be found", () => {
  expect(elements('"", id, JSON.stringify(summedBySku(a, b)),')).toBe(3);
  expect(listAfter("run(redis, xScript, [k.sale, k.stock], [1, f([2])])", "xScript", 1)).toBe("1, f([2])");
  const reply = z.union([z.tuple([z.enum(["a", "b"])]), z.tuple([z.literal("c"), z.string()])]);
  expect(shape.parse(z.toJSONSchema(reply, { io: "input" }))).toEqual(["a", "b", "c"]);
});
