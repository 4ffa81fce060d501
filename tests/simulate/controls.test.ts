/** Each deliberate defect is noticed, by the rule that docs/PROOF.md says. */
import { afterAll, expect, test } from "vitest";
import { control, readTable } from "../../bench/simulate/controls.ts";
import { defects } from "../../bench/simulate/defects.ts";
import { Pool } from "../../bench/simulate/pool.ts";

const table = readTable();
const pool = await Pool.start(1);
afterAll(() => pool.stop());

test("docs/PROOF.md has every defect and no other", () => {
  expect([...table.keys()]).toEqual(defects.map(({ name }) => name));
});

test.each(defects)("$name: $what", { timeout: 180_000 }, async ({ name }) => {
  const said = table.get(name);
  expect(await control(pool, name, said?.seed, said?.seed)).toEqual(said);
});
