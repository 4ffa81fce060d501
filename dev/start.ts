/** `npm start`: the whole system in the foreground until Ctrl-C, with a demo sale that opens a minute later. */
import type { Stack, StackOptions } from "./stack.ts";
import { startTurnstile } from "./turnstile/server.ts";
import { whoHasPort } from "./who-has-port.ts";

const HELP = `The whole flash sale on this machine, until Ctrl-C. A demo sale opens a minute after the start.

  npm start

  PORT=8787            port of the shop
  ADMIN_TOKEN=…        the operator's token (default: a new one, printed)
  VIEWER_TOKEN=…       a token that only looks (default: none)
  DATABASE_URL=…       a PostgreSQL to use (default: one is started, and removed at the end)
  REDIS_SERVER=path    the redis-server to run (default: from PATH)
  BOT_CHECK=1          who joins passes a bot check first (a double of Turnstile)
`;
const EXIT_USAGE = 2;
const TOKEN_MIN_CHARS = 16;
const DEMO_OPENS_MS = 60_000;
const DEMO_LASTS_MS = 3_600_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const options = settings();
  const ending = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  say("Starting …");
  // Loaded only now: building Workers is a heavy import, and what was wrong above is said without it.
  const { startStack } = await import("./stack.ts");
  const check = process.env.BOT_CHECK === "1" ? await startTurnstile() : undefined;
  const starting = startStack({
    ...options,
    ...(check === undefined ? {} : { edge: check.edge }),
    progress: (part) => say(`  ${part}`),
  });
  const interrupted = await Promise.race([ending.then(() => true), starting.then(() => false)]);
  const stack = await starting;
  if (!interrupted) {
    describe(stack, await createDemoSale(stack));
    await ending;
  }
  say("\nEnding …");
  await stack.close();
  await check?.close();
}

function settings(): Pick<StackOptions, "port" | "adminToken" | "functions"> & { port: number } {
  const { PORT = "8787", ADMIN_TOKEN: adminToken, VIEWER_TOKEN: viewerToken } = process.env;
  const port = Number(PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`PORT must be a number from 1 to 65535, not "${PORT}".`);
  for (const [name, token] of Object.entries({ ADMIN_TOKEN: adminToken, VIEWER_TOKEN: viewerToken }))
    if (token !== undefined && token.length < TOKEN_MIN_CHARS)
      throw new Error(`${name} must have ${TOKEN_MIN_CHARS} characters or more.`);
  return {
    port,
    ...(adminToken === undefined ? {} : { adminToken }),
    ...(viewerToken === undefined ? {} : { functions: { VIEWER_TOKEN: viewerToken } }),
  };
}

function describe(stack: Stack, saleId: string): void {
  const shop = stack.url.replace("127.0.0.1", "localhost");
  say(`
  Shop       ${shop}/sales/${saleId}  (a demo sale; opens in a minute)
  API        ${shop}/openapi.json
  Console    ${shop}/admin
  Operator   ${stack.adminToken}  (signs in there; bearer token of ${shop}/api/admin/…)
  E-mail     ${stack.mailbox.url}
  Payments   ${stack.stripe.url}  (a stand-in for Stripe: no money moves; switches at /_control, key ${stack.stripe.secretKey})
  Redis      ${stack.redis.url}  (Upstash REST; token ${stack.gatewayToken})
  Postgres   ${stack.neon.connectionString}
             by Neon's protocol at ${stack.neon.url}; both gateways have fault switches at /_gateway/faults (same token)

Ctrl-C ends everything.`);
}

async function createDemoSale({ url, adminToken }: Stack): Promise<string> {
  const now = Date.now();
  const sale = {
    id: `demo-${now.toString(36)}`,
    name: "Halcyon One",
    description: "The first hundred pairs of a running shoe made of one thread. One pair for each.",
    currency: "EUR",
    opensAt: new Date(now + DEMO_OPENS_MS).toISOString(),
    closesAt: new Date(now + DEMO_OPENS_MS + DEMO_LASTS_MS).toISOString(),
    items: [
      { sku: "HAL-40", name: "Size 40", stock: 30, price: 14_900, limit: 1 },
      { sku: "HAL-42", name: "Size 42", stock: 40, price: 14_900, limit: 1 },
      { sku: "HAL-44", name: "Size 44", stock: 30, price: 14_900, limit: 1 },
    ],
  };
  const answer = await fetch(`${url}/api/admin/sales`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify(sale),
  });
  if (!answer.ok) throw new Error(`the demo sale was refused: ${await answer.text()}`);
  return sale.id;
}

/** One line, with the way out. */
function why(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE" && "port" in error) {
    const by = whoHasPort(Number(error.port));
    return `Port ${String(error.port)} is taken${by === undefined ? "" : ` by ${by}`}. Set PORT to another one.`;
  }
  return error instanceof Error ? error.message : String(error);
}

const args = process.argv.slice(2);
if (args.some((arg) => arg === "--help" || arg === "-h")) say(HELP);
else if (args.length > 0) {
  process.stderr.write(
    `error: ${args.join(" ")} is not understood: npm start takes no arguments. See --help.\n`,
  );
  process.exitCode = EXIT_USAGE;
} else
  await main().catch((error: unknown) => {
    process.stderr.write(`${why(error)}\n`);
    process.exitCode = 1;
  });
