import { defineConfig } from "vitest/config";

/** Files that put something of their own in the place of what all code shares: the network, timers, the environment. */
const ALONE = ["abuse", "checkout", "gateways", "mail", "rehearse"].map(
  (folder) => `tests/${folder}/**/*.test.ts`,
);

export default defineConfig({
  plugins: [
    {
      // As `[[rules]] type = "Text"` in functions/wrangler.toml.
      name: "text-modules",
      transform: (code, id) =>
        /\.(lua|sql)$/.test(id) ? `export default ${JSON.stringify(code)}` : undefined,
    },
  ],
  test: {
    globalSetup: ["tests/support/bundles.ts"],
    // Real servers start and stop in hooks, whole sales run in some tests; and a machine may be several times slower.
    hookTimeout: 120_000,
    testTimeout: 90_000,
    // Each file may start servers of its own, and waits for clocks a good part of its time: three keep two cores busy.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: "alone", include: ALONE } },
      // One process after the other file by file: to import everything anew for each is a sixth of the time.
      {
        extends: true,
        test: { name: "together", include: ["tests/**/*.test.ts"], exclude: ALONE, isolate: false },
      },
    ],
  },
});
