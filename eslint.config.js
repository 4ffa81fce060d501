// Type-aware lint, and the layer rules of the design: what each folder may import is part of the architecture.
import js from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";

const dataClients = ["@upstash/redis", "@upstash/redis/*", "@neondatabase/serverless"];
const http = ["hono", "hono/*", "@hono/*"];

/** @param {string[]} group @param {string} message */
const forbid = (group, message) => ({ group, message });

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", ".wrangler/**", ".local/**"] },
  js.configs.recommended,
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: ["./tsconfig.workers.json", "./tsconfig.node.json"] },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
    },
  },
  {
    files: ["workers/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            forbid(dataClients, "The edge knows no stock: it never talks to Redis or Postgres."),
            forbid(["**/functions/*", "node:*"], "The edge reaches functions only through its binding."),
          ],
        },
      ],
    },
  },
  {
    files: ["functions/**"],
    // The layout of e-mails uses the template of hono/html, which knows no HTTP.
    ignores: ["functions/index.ts", "functions/mail/layout.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [forbid([...http, "**/workers/*", "node:*"], "Only functions/index.ts knows HTTP.")] },
      ],
      "no-restricted-globals": [
        "error",
        { name: "Request", message: "Only functions/index.ts knows HTTP." },
        { name: "Response", message: "Only functions/index.ts knows HTTP." },
      ],
    },
  },
  {
    files: ["domain/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            forbid(
              [...dataClients, "**/workers/*", "**/functions/*", "node:*"],
              "The domain is pure: no I/O, no layer.",
            ),
          ],
        },
      ],
    },
  },
  { files: ["static/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["dev/workers/*.js"], languageOptions: { globals: globals.worker } },
  { files: ["*.js"], languageOptions: { globals: globals.node } },
);
