import { expect, test } from "vitest";
import { createCircuit, SLOW_MS } from "../../workers/circuit.ts";

const even = () => 0.5;
const calm = () => {
  const circuit = createCircuit(even);
  for (let i = 0; i < 10; i++) circuit.report(true, 20, 0);
  return circuit;
};

test("a few failures turn nobody away", () => {
  const circuit = createCircuit(even);
  for (let i = 0; i < 9; i++) circuit.report(false, 20, 0);
  expect([circuit.isOpen(), circuit.turnAway(0)]).toEqual([false, undefined]);
  const mostlyWell = calm();
  for (let i = 0; i < 9; i++) mostlyWell.report(false, 20, 0);
  expect(mostlyWell.isOpen()).toBe(false);
});

test.each([
  ["failing", false, 20],
  ["slow", true, SLOW_MS],
] as const)(
  "when half of the answers are %s, newcomers are turned away but for a probe now and then",
  (_, isGood, ms) => {
    const circuit = calm();
    for (let i = 0; i < 10; i++) circuit.report(isGood, ms, 0);
    expect(circuit.isOpen()).toBe(true);
    const let1000 = Array.from({ length: 1000 }, (_, i) => circuit.turnAway(1_000 + i)).map(
      (seconds) => seconds === undefined,
    );
    expect(let1000.filter(Boolean)).toHaveLength(2);
  },
);

test("they come back at different moments, between two and eight seconds later", () => {
  let chance = 0;
  const circuit = createCircuit(() => chance);
  for (let i = 0; i < 10; i++) circuit.report(false, 0, 0);
  circuit.turnAway(1_000);
  const waits = [0, 0.5, 1].map((next) => {
    chance = next;
    return circuit.turnAway(1_001);
  });
  expect(waits).toEqual([2, 5, 8]);
});

test("it is over by itself: what was long ago counts for nothing when probes are answered again", () => {
  const circuit = createCircuit(even);
  for (let i = 0; i < 1000; i++) circuit.report(false, 0, 0);
  const atMs = [];
  for (let now = 0; now < 60_000 && circuit.isOpen(); now += 100) {
    if (circuit.turnAway(now) !== undefined) continue;
    circuit.report(now > 10_000, 20, now);
    atMs.push(now);
  }
  expect(circuit.isOpen()).toBe(false);
  expect(atMs.at(-1)).toBeGreaterThan(10_000);
  expect(atMs.at(-1)).toBeLessThan(25_000);
});
