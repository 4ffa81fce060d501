/** SECURITY.md holds against the tree: every test it names is there, under the title it names. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "../..");
const text = readFileSync(path.join(root, "SECURITY.md"), "utf8");
const rows = text.split("\n").filter((line) => /^\| (?!who \|)[^-]/.test(line));

/** A test's file and title, as a row's last column names them. */
function namedIn(row: string): { file: string; title: string }[] {
  let file = "";
  const tests: { file: string; title: string }[] = [];
  for (const [, path = "", title] of row.matchAll(/`(tests\/[\w/-]+\.test\.ts)`|"([^"]+)"/g))
    if (title === undefined) file = path;
    else if (file !== "") tests.push({ file, title });
  return tests;
}

/** `test("…"`, `describe("…"`, with options or a table before the title or not. */
const hasTest = (file: string, title: string) => {
  const source = readFileSync(path.join(root, file), "utf8");
  const escaped = title.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`\\b(?:test|describe)(?:\\.each\\([\\s\\S]*?\\))?\\(\\s*"${escaped}"`).test(source);
};

test("each row names who, what they try, what stops them, and tests that are there", () => {
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows) {
    expect(row.split("|"), row).toHaveLength(6);
    const tests = namedIn(row);
    expect(tests.length, row).toBeGreaterThan(0);
    for (const { file, title } of tests) {
      expect(existsSync(path.join(root, file)), file).toBe(true);
      expect(hasTest(file, title), `${file}: ${title}`).toBe(true);
    }
  }
});

test("a title that nobody has would be found missing", () => {
  expect(hasTest("tests/docs/security.test.ts", "a test that was renamed")).toBe(false);
  expect(hasTest("tests/docs/security.test.ts", "a title that nobody has would be found missing")).toBe(true);
});

test("each file of abuse tests is in the table", () => {
  const files = readdirSync(path.join(root, "tests/abuse"));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) expect(text).toContain(`tests/abuse/${file}`);
});
