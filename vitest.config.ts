import { defineConfig } from "vitest/config";

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
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/bundles.ts"],
    // Real servers start and stop in hooks, whole sales run in some tests.
    hookTimeout: 120_000,
    testTimeout: 90_000,
    // Each file may start servers of its own, and waits for clocks a good part of its time: three keep two cores busy.
    maxWorkers: 3,
  },
});
