/** What an operator's hand can bring: files of sales in YAML and JSON, and arguments. One line says what is wrong, or it is read. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { InvalidArgumentError } from "commander";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { oddText, oddValue, worse } from "../../bench/fuzz/odd.ts";
import { saleIn } from "../../cli/definition.ts";
import { uuid, whole } from "../../cli/program.ts";
import { Ended, EXIT, refusedBy } from "../../cli/refused.ts";
import { saleSchema } from "../../domain/sale.ts";
import { saleInput } from "../http/harness.ts";

const folder = mkdtempSync(path.join(tmpdir(), "flash-sale-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, "sale.yaml");

/** @throws unless it is read as a mapping that can be sent, or refused in one line */
async function read(content: string | Uint8Array): Promise<"read" | "refused"> {
  writeFileSync(file, content);
  try {
    const said = await saleIn(file);
    // What the API then says of it is a verdict too, and not an exception.
    saleSchema.safeParse(JSON.parse(JSON.stringify(said)));
    return "read";
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    expect(error.exitCode).toBe(EXIT.usage);
    expect(error.message).toMatch(/^\S.+$/);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    return "refused";
  }
}

const line = fc.oneof(
  fc
    .tuple(fc.constantFrom("id", "name", "items", "__proto__", "<<", "? [a]", "- sku"), oddText)
    .map((two) => two.join(": ")),
  fc.constantFrom(
    "a: &a [*a]",
    "b: *a",
    "c: !!binary x",
    "d: !!js/function x",
    "e: !x y",
    "---",
    "...",
    "%YAML 9.9",
    "\t- x",
    "f: .nan",
    "g: 0x7fffffffffffffffff",
  ),
  fc.string({ unit: "binary" }),
);

test("a file of any text or bytes is read or refused in one line", async () => {
  const json = JSON.stringify(saleInput());
  const seen = new Set<string>();
  const content = fc.oneof(
    fc.array(line, { maxLength: 6 }).map((lines) => lines.join("\n")),
    worse(json),
    fc.dictionary(fc.string(), oddValue).map((value) => JSON.stringify(value)),
    fc.uint8Array({ maxLength: 200 }),
  );
  await fc.assert(
    fc.asyncProperty(content, async (text) => void seen.add(await read(text))),
    { numRuns: 600 },
  );
  expect(seen).toEqual(new Set(["read", "refused"]));
});

test("an alias of itself, aliases without end, a folder and what would move the cursor are refused in one line", async () => {
  expect(await read("id: &a [*a]\nname: x")).toBe("refused");
  const layer = (nth: number) =>
    `a${nth}: &a${nth} [${Array.from({ length: 9 }, () => `*a${nth - 1}`).join()}]`;
  const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x]", ...Array.from({ length: 9 }, (_, nth) => layer(nth + 1))];
  expect(await read(bomb.join("\n"))).toBe("refused");
  await expect(saleIn(folder)).rejects.toThrow("EISDIR");
  // The parser quotes what it cannot read.
  expect(await read(">\r")).toBe("refused");
});

test("an argument is a number within its bounds or a UUID, or it is refused as an argument", () => {
  const parsers: [(text: string) => unknown, (value: unknown) => boolean][] = [
    [whole(1, 1_000), (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1_000],
    [uuid, (value) => /^[0-9a-f-]{36}$/.test(String(value))],
  ];
  const text = fc.oneof(oddText, fc.uuid(), fc.integer().map(String), fc.double().map(String), fc.string());
  fc.assert(
    fc.property(fc.constantFrom(...parsers), text, ([parse, isRight], given) => {
      try {
        expect(isRight(parse(given))).toBe(true);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

test("whatever an address answers in place of the shop's, the command line says in one line", () => {
  const answer = fc.oneof(
    oddText,
    fc
      .record({
        type: oddText,
        title: oddText,
        errors: fc.array(fc.record({ pointer: oddText, detail: oddText })),
      })
      .map((value) => JSON.stringify(value)),
    oddValue.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.integer({ min: 300, max: 599 }), answer, (status, text) => {
      const { message, exitCode } = refusedBy(status, text);
      expect(exitCode).toBe(EXIT.refused);
      expect(message).not.toMatch(/[\p{Cc}\u2028]/u);
    }),
  );
});
