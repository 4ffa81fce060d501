/** What the tests of this folder share: a real PostgreSQL, the gateway in front of it, and the unmodified Neon client. */
import { neon, neonConfig } from "@neondatabase/serverless";
import pg from "pg";
import { startNeonGateway, type NeonGatewayOptions } from "../../../dev/postgres/gateway.ts";
import { startPostgres } from "../../../dev/postgres/server.ts";

// These tests kill and count: they need a PostgreSQL of their own, whatever the machine offers.
delete process.env.DATABASE_URL;

export async function startStack(options: Partial<NeonGatewayOptions> = {}) {
  const server = await startPostgres({ fsync: false });
  const gateway = await startNeonGateway({ connectionString: server.connectionString, ...options });
  neonConfig.fetchEndpoint = gateway.url;
  const sql = neon(gateway.connectionString);
  return {
    server,
    gateway,
    sql,
    /** A raw request, for what the client never sends. */
    post: (body: BodyInit, headers: Record<string, string> = {}) =>
      fetch(gateway.url, {
        method: "POST",
        body,
        headers: { "Neon-Connection-String": gateway.connectionString, ...headers },
      }),
    /** A query past the gateway, to see what is really there. */
    behind: async (query: string): Promise<Record<string, unknown>[]> => {
      const client = new pg.Client({ connectionString: server.connectionString });
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(query)).rows;
      } finally {
        await client.end();
      }
    },
    stop: async () => {
      await gateway.close();
      await server.stop();
    },
  };
}

export type Stack = Awaited<ReturnType<typeof startStack>>;

/** The error a promise ends with; it is a failure if it does not. */
export async function failure(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("It was expected to fail and did not.");
}

/** Waits until `condition` holds. */
export async function until(condition: () => Promise<boolean>, msMax = 30_000): Promise<void> {
  const deadline = Date.now() + msMax;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Still not so after ${msMax} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
