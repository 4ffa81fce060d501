import { defineConfig } from "vitest/config";

/** Files that put something of their own in the place of what all code shares: the network, timers, the environment. */
const ALONE = ["abuse", "checkout", "gateways", "mail", "rehearse"].map(
  (folder) => `tests/${folder}/**/*.test.ts`,
);

const plugins = [
  {
    // As `[[rules]] type = "Text"` in functions/wrangler.toml.
    name: "text-modules",
    transform: (code: string, id: string) =>
      /\.(lua|sql)$/.test(id) ? `export default ${JSON.stringify(code)}` : undefined,
  },
];

const shared = {
  setupFiles: ["tests/support/seed.ts"],
  // Real servers start and stop in hooks, whole sales run in some tests; and a machine may be several times slower.
  hookTimeout: 120_000,
  testTimeout: 90_000,
  // Each file may start servers of its own, and waits for clocks a good part of its time: three keep two cores busy.
  maxWorkers: 3,
};

export default defineConfig({
  test: {
    // Once for both projects: if they extended this, each would do it again.
    globalSetup: ["tests/support/bundles.ts"],
    maxWorkers: shared.maxWorkers,
    projects: [
      { plugins, test: { ...shared, name: "alone", include: ALONE } },
      // To import everything anew for each file is a sixth of the time: the process stays for the next one.
      {
        plugins,
        test: {
          ...shared,
          name: "together",
          include: ["tests/**/*.test.ts"],
          exclude: ALONE,
          isolate: false,
        },
      },
    ],
  },
});
