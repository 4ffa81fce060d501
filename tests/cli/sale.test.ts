/** `npm run sale` against a whole stack: what each command does, prints and ends with. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import {
  at,
  createSale,
  live,
  operator,
  saleInput,
  shoe,
  shopperInside,
  storeFindings,
  storeOrders,
  until,
  withStack,
} from "../http/harness.ts";
import { run, useFolder } from "./world.ts";

const stack = withStack();
const files = await useFolder();
const sale = (...args: string[]) => run(stack.get(), args);
const HOUR = 3_600_000;

/** What it prints with --json. */
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await sale(...args, "--json");
  expect([args[0], code, err]).toEqual([args[0], 0, ""]);
  return z.record(z.string(), z.unknown()).parse(JSON.parse(out));
}

/** One line, no stack, nothing on standard output. */
async function refused(args: string[], code: number, line: RegExp | string) {
  const ran = await sale(...args);
  expect(ran).toMatchObject({ code, out: "" });
  expect(ran.err.trimEnd().split("\n")).toHaveLength(1);
  expect(ran.err).toMatch(line);
}

test("from a file to a closed sale: created, listed, shown, updated, opened, steered, closed, all of it audited", async () => {
  const input = saleInput({
    id: `cli-${randomUUID().slice(0, 8)}`,
    opensAt: at(HOUR),
    closesAt: at(2 * HOUR),
  });
  const yaml = await files.write("sale.yaml", stringify(input));
  expect(await sale("create", yaml)).toMatchObject({
    code: 0,
    out: expect.stringContaining("It opens") as string,
  });
  expect(await json("create", yaml)).toMatchObject({ id: input.id, phase: "scheduled" });
  const other = await files.write("other.json", JSON.stringify({ ...input, name: "Another" }));
  await refused(["create", other], 1, /^sale_exists: .*`update` defines it anew/);
  expect((await sale("update", other, "--reason", "a typo")).out).toMatch(/is defined so/);
  const [listed, shown] = await Promise.all([sale("list"), sale("show", input.id)]);
  expect(listed.out).toContain(input.id);
  expect(shown.out).toMatch(/Another[^]*phase +│ scheduled[^]*Redis has it +│ same[^]*shoe/);

  expect((await sale("open", input.id, "--reason", "now")).out).toMatch(/ is open, since /);
  await refused(["update", other], 1, /^line_open: .*`pause`/);
  expect(await json("pause", input.id, "--reason", "the till")).toEqual({ mode: "hold" });
  expect((await sale("resume", input.id)).out).toMatch(/is in mode normal/);
  expect(await json("mode", input.id, "drain")).toEqual({ mode: "drain" });
  expect(await json("release-size", input.id, "50")).toEqual({ releaseSize: 50 });
  const id = randomUUID();
  for (let i = 0; i < 2; i++)
    expect(await json("top-up", input.id, "shoe", "5", "--id", id)).toEqual({
      topUpId: id,
      sku: "shoe",
      stock: 15,
    });
  await refused(["top-up", input.id, "shoe", "6", "--id", id], 1, /^conflicting_replay: .*Leave out the id/);
  expect((await sale("close", input.id, "--yes")).out).toMatch(/ is closed, since /);
  await refused(["pause", input.id], 1, /^sale_ended: .*`settlement`/);

  const log = await until(
    () => json("audit", input.id),
    ({ entries }) => z.array(z.unknown()).parse(entries).length === 9,
  );
  expect(log["entries"]).toMatchObject([{}, {}, {}, {}, {}, {}, {}, {}, { action: "create" }]);
  expect((await sale("audit", input.id)).out).toMatch(/pause +│ operator token +│ the till/);
});

test("an export that breaks off leaves no file, and one line that says so", async () => {
  const id = await createSale(stack.get());
  await storeOrders(stack.get(), id, 10_001);
  const lastOfSecondPage = "00000000-0000-0000-0000-000000002710";
  stack.get().neon.faults.add({ kind: "error", match: lastOfSecondPage });
  const file = files.path("broken.csv");
  await refused(["export", "orders", id, file], 1, /^The orders of .+ broke off: .*Try again\.$/m);
  expect([existsSync(file), existsSync(`${file}.part`)]).toEqual([false, false]);
  const printed = await sale("export", "orders", id, "-");
  expect(printed).toMatchObject({ code: 1, out: expect.stringMatching(/^order,shopper,/) as string });
  expect(printed.err).toMatch(/^The orders of .+ broke off: [^\n]+\n$/);
  stack.get().neon.faults.clear();
});

test("orders and reservations are listed and exported; a run finds nothing; an order is refunded", async () => {
  const id = await createSale(stack.get(), { items: [shoe({ stock: 5 })] });
  const someone = await shopperInside(stack.get(), id);
  const order = randomUUID();
  await someone.reserve(order);
  await someone.checkout(order);
  await until(
    () => live(stack.get(), id),
    ({ stored }) => stored?.orders === 1,
  );
  const [orders, held, confirmed] = await Promise.all([
    sale("orders", id),
    sale("reservations", id, "--state", "held"),
    json("reservations", id, "--id", order),
  ]);
  expect(orders.out).toMatch(new RegExp(`${order} .*│ free +│`));
  expect(held.out).toBe("There are none.\n");
  expect(confirmed["reservations"]).toMatchObject([{ id: order, state: "confirmed" }]);

  const file = files.path("orders.csv");
  expect(await sale("export", "orders", id, file)).toMatchObject({ code: 0 });
  expect((await readFile(file, "utf8")).split("\r\n")[1]).toMatch(new RegExp(`^${order},`));
  expect((await sale("export", "registrations", id, "-")).out).toBe("email,state,number,confirmedAt\r\n");
  await refused(["export", "orders", "no-such-sale", files.path("none.csv")], 1, /^not_found: /);
  await refused(["export", "orders", id, files.path("no/such/folder.csv")], 1, /cannot be written: ENOENT/);
  expect([existsSync(files.path("none.csv")), existsSync(`${file}.part`)]).toEqual([false, false]);

  expect((await sale("discrepancies", id)).out).toMatch(/was not reconciled yet/);
  const ran = await sale("reconcile", id, "--apply");
  expect(ran).toMatchObject({
    code: 0,
    out: expect.stringMatching(/Nothing differs[^]*applied, done/) as string,
  });
  expect(await json("discrepancies", id)).toMatchObject({ apply: true, state: "done", discrepancies: [] });
  await refused(["approve", id, "999999"], 1, /^not_found: /);
  await refused(["settlement", id], 1, /^not_found: .*not settled/);
  await refused(["refund", id, randomUUID()], 1, /^not_found: /);
});

test("what a reservation comes to is printed as money", async () => {
  const id = await createSale(stack.get(), { items: [shoe({ price: 14_900 })] });
  const someone = await shopperInside(stack.get(), id);
  await someone.reserve(randomUUID());
  const listed = await until(
    () => sale("reservations", id),
    ({ out }) => out.includes("held"),
  );
  expect(listed.out).toContain("│ €149.00 ");
});

test("what differs is named, and the exit code says that it is open", async () => {
  const id = await createSale(stack.get());
  const { redis } = stack.get();
  // A unit that Redis sells and nobody supplied.
  await redis.redis.command("HINCRBY", `{${id}}:stock`, "available:shoe", 1);
  const dry = await sale("reconcile", id);
  expect(dry.code).toBe(3);
  expect(dry.out).toMatch(/a dry run, done; .*[1-9]\d* open\./);
  expect((await sale("discrepancies", id)).out).toMatch(/\n│ +[1-9]\d* │ counters_differ/);
});

test("all that a run has found is shown, those that wait first", async () => {
  const id = await createSale(stack.get());
  const runId = await storeFindings(stack.get(), id, { gone: 1_003, waiting: 2 });
  const { out } = await sale("discrepancies", id);
  const subjects = [...out.matchAll(/│ (pi_\d+)/g)].map(([, subject]) => subject);
  expect(subjects.slice(0, 3)).toEqual(["pi_1004", "pi_1005", "pi_1"]);
  expect(new Set(subjects).size).toBe(1_005);
  expect(out).toContain("; 2 open.");
  const again = await sale("reconcile", id, "--run", runId, "--json");
  expect(again.code).toBe(3);
  const { discrepancies } = z.object({ discrepancies: z.array(z.unknown()) }).parse(JSON.parse(again.out));
  expect(discrepancies).toHaveLength(1_005);
});

test("a sale that Redis has lost is brought back; registrations are counted, and a list is invited once", async () => {
  const id = await createSale(stack.get(), {
    id: `rehearsal-${randomUUID().slice(0, 8)}`,
    registrationOpensAt: at(-HOUR),
    opensAt: at(HOUR),
    closesAt: at(2 * HOUR),
  });
  const list = await files.write("list.csv", "email\nann@example.com\nnobody\n");
  expect(await json("invite", id, list)).toMatchObject({ imported: 1, known: 0, errors: [{ row: 3 }] });
  expect((await sale("invite", id, list)).out).toMatch(/^0 invited, 1 were on the list, 1 left out\./);
  expect((await sale("registrations", id)).out).toMatch(/confirmed, waiting +│ 1/);
  await refused(["rebuild", id], 1, /^redis_intact: /);
  await operator(stack.get(), `/sales/${id}/drill`, { method: "POST" });
  await refused(["pause", id], 1, /^on_hold: .*`rebuild` brings it back/);
  expect((await sale("rebuild", id)).out).toMatch(/sells again, in epoch 2/);
});

test("all sales that Redis has lost are listed so and brought back by one command, a line for each", async () => {
  const lost = [randomUUID(), randomUUID()].map((id) => `rehearsal-${id.slice(0, 8)}`);
  for (const id of lost) {
    await createSale(stack.get(), { id, opensAt: at(HOUR), closesAt: at(2 * HOUR) });
    await operator(stack.get(), `/sales/${id}/drill`, { method: "POST" });
  }
  const known = await createSale(stack.get());
  const listed = (await sale("list")).out.split("\n");
  const lineOf = (id: string) => listed.find((line) => line.includes(id));
  for (const id of lost) expect(lineOf(id)).toContain("lost: `rebuild`");
  expect(lineOf(known)).toMatch(/ yes +│$/);

  await refused(["rebuild"], 2, /^rebuild takes the id of a sale, or --all\.$/m);
  await refused(["rebuild", known, "--all"], 2, /^rebuild takes the id of a sale, or --all\.$/m);
  const { code, out } = await sale("rebuild", "--all", "--yes");
  expect(code).toBe(0);
  for (const id of lost) expect(out).toMatch(new RegExp(`^${id} sells again, in epoch 2`, "m"));
  expect(out).not.toContain(known);
  expect((await sale("rebuild", "--all")).out).toBe(
    "Redis knows every sale: there is nothing to bring back.\n",
  );
  expect(await json("rebuild", "--all")).toEqual({ sales: [] });
});

describe("watch", () => {
  test("looks until Ctrl-C, and ends with 0", async () => {
    const id = await createSale(stack.get());
    const ran = await run(stack.get(), ["watch", id], {
      onOutput(out, kill) {
        if (out.split("\n").length > 2) kill("SIGINT");
      },
    });
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toMatch(
      /^(20\d\d-\S+ \S+ {2}open {2}in line 0 {2}inside 0 {2}held 0 {2}sold 0\/10.*\n){2,}$/,
    );
  });

  test("--json is a line of JSON each time; a sale that is not there is refused", async () => {
    const id = await createSale(stack.get());
    const { code, out } = await sale("watch", id, "--times", "1", "--json");
    expect([code, z.object({ phase: z.string() }).parse(JSON.parse(out)).phase]).toEqual([0, "open"]);
    await refused(["watch", "no-such-sale"], 1, /^not_found: /);
  });
});

describe("what is wrong is said in one line", () => {
  test("no token, a wrong one, nobody there, a file that is none", async () => {
    const missing = await run(stack.get(), ["list"], { token: "" });
    expect(missing).toEqual({
      code: 2,
      out: "",
      err: expect.stringMatching(/^ADMIN_TOKEN is not set.*\n$/) as string,
    });
    const odd = await run(stack.get(), ["list"], { token: "ü✓" });
    expect(odd).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/^ADMIN_TOKEN has characters that no token has.*\n$/) as string,
    });
    const wrong = await run(stack.get(), ["list"], { token: "wrong" });
    expect(wrong).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^unauthorized: .*ADMIN_TOKEN.*\n$/) as string,
    });
    const nobody = await run(stack.get(), ["list"], { url: "http://127.0.0.1:9" });
    expect(nobody).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^http:\/\/127.* does not answer: .*\n$/) as string,
    });
    const scalar = await files.write("scalar.yaml", "42");
    const broken = await files.write("broken.yaml", "id: [");
    await refused(["create", files.path("nothing.yaml")], 2, /cannot be read: ENOENT/);
    await refused(["create", scalar], 2, /is not a sale/);
    await refused(["create", broken], 2, /is neither JSON nor YAML/);
  });

  test("each wrong field is pointed at", async () => {
    const file = await files.write(
      "wrong.json",
      JSON.stringify({ ...saleInput(), closesAt: at(-HOUR), more: 1 }),
    );
    await refused(["create", file], 1, /^invalid_input: .*\/more unknown field/);
    await refused(["show", "no/../such"], 1, /^not_found: /);
  });

  test.each([
    [["nonsense"]],
    [["mode", "x", "fast"]],
    [["release-size", "x", "0"]],
    [["show"]],
    [["list", "--nonsense"]],
  ])("%j is usage: 2", async (args) => {
    const { code, out, err } = await sale(...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^error: .*\n\n?See --help\.\n$/);
  });

  test("every command has its help, with an example", async () => {
    const { out } = await sale("--help");
    const [, listed = ""] = /Commands:\n([^]*)\n\nExamples:/.exec(out) ?? [];
    const commands = Array.from(listed.matchAll(/^ {2}([a-z-]+) /gm), ([, name]) => name ?? "");
    expect(commands).toEqual(expect.arrayContaining(["create", "watch", "reconcile", "export", "invite"]));
    const described = commands.filter((name) => name !== "help");
    const helps = await Promise.all(described.map((command) => sale(command, "--help")));
    for (const [i, command] of described.entries()) {
      expect([command, helps[i]?.code]).toEqual([command, 0]);
      expect(helps[i]?.out).toMatch(new RegExp(`Examples?:\\n  npm run sale -- ${command}`));
    }
  });
});
