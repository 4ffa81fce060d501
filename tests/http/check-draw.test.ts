/** `npm run check-draw`, against a sale of the whole stack. */
import { execFile } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { placeOf } from "../../static/assets/draw.js";
import { at, createSale, pulse, shopper, until, withStack } from "./harness.ts";

const stack = withStack();
const command = path.resolve(import.meta.dirname, "../../dev/check-draw.ts");

const checkDraw = (...args: string[]) =>
  new Promise<{ out: string; err: string; code: unknown }>((resolve) => {
    execFile(process.execPath, [command, ...args], (error, out, err) =>
      resolve({ out, err, code: error?.code ?? 0 }),
    );
  });

test("says the fingerprint before opening, and any place after it; what cannot be is one line", async () => {
  const sale = await createSale(stack.get(), { lobby: "draw", opensAt: at(3_000) });
  for (let i = 0; i < 3; i++) await shopper(stack.get(), sale).join();
  const page = `${stack.get().url}/sales/${sale}`;
  const early = await checkDraw(page, "2");
  expect([early.code, early.err]).toEqual([1, expect.stringContaining("published at opening")]);
  const noted = /Fingerprint +([\da-f]{64})/.exec(early.out)?.[1] ?? "";

  type Draw = { seed?: string; count?: number };
  const { draw } = await until(
    () => pulse(stack.get(), sale),
    ({ draw }) => (draw as Draw).seed !== undefined,
  );
  const { seed = "", count = 0 } = draw as Draw;
  const checked = await until(
    () => checkDraw(page, "2", "--commitment", noted),
    ({ code }) => code === 0,
  );
  expect(checked.out).toContain(`Number 2 has place ${await placeOf(seed, count, 2)}.`);

  const lines = await Promise.all([
    checkDraw(page, "4"),
    checkDraw(page, "2", "--commitment", "0".repeat(64)),
    checkDraw(`${stack.get().url}/sales/no-such-sale`),
    checkDraw("nonsense"),
    checkDraw("http://127.0.0.1:9/sales/x"),
  ]);
  const said = [
    "no number 4",
    "not the one you noted",
    "There is no sale",
    "is not the address",
    "does not answer",
  ];
  for (const [i, { code, err }] of lines.entries()) {
    expect([code, err.trim().split("\n").length, err]).toEqual([
      1,
      1,
      expect.stringContaining(said[i] ?? ""),
    ]);
  }
});
