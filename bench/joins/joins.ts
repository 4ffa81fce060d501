/**
 * Joins as single calls of the script and gathered by shards, on the same stack: the functions Worker in workerd, straight from its
 * direct socket, the gateway, Redis. After each measurement the line has everybody in it, once.
 */
import { startStack } from "../../dev/stack.ts";
import { sendJoins, type Load } from "./client.ts";

/** What one measurement found. */
export type Sample = Record<
  "perSecond" | "medianMs" | "p95Ms" | "callsPerThousand" | "billedPerJoin",
  number
>;

export interface Joins {
  /** `alone`: every join a call of its own; `gathered`: through the shards. */
  variants: Record<"alone" | "gathered", { measure: (load: Load) => Promise<Sample> }>;
  close: () => Promise<void>;
}

export async function openJoins(shards: number): Promise<Joins> {
  const stack = await startStack({ quiet: true });
  const create = async (id: string, joinShards: number) => {
    const now = Date.now();
    const answer = await fetch(`${stack.url}/api/admin/sales`, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({
        id,
        name: id,
        currency: "EUR",
        opensAt: new Date(now + 300_000).toISOString(),
        closesAt: new Date(now + 3_600_000).toISOString(),
        items: [{ sku: "unit", name: "Unit", stock: 1, price: 0 }],
        joinShards,
      }),
    });
    if (!answer.ok) throw new Error(`the sale was refused: ${await answer.text()}`);
  };
  const variant = (id: string) => ({
    async measure(load: Load): Promise<Sample> {
      const inLine = async () => Number(await stack.redis.redis.command("ZCARD", `{${id}}:waitlist`));
      const before = await inLine();
      await stack.redis.resetStats();
      const { ms, allMs } = await sendJoins(stack.functions.url, id, load);
      const { scriptCalls, billedCommands } = await stack.redis.stats();
      const added = (await inLine()) - before;
      if (added !== load.joins) throw new Error(`${load.joins} joined, ${added} are in line`);
      const sorted = ms.toSorted((a, b) => a - b);
      return {
        perSecond: (load.joins / allMs) * 1000,
        medianMs: sorted[Math.floor(sorted.length / 2)] ?? NaN,
        p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? NaN,
        callsPerThousand: (scriptCalls / load.joins) * 1000,
        billedPerJoin: billedCommands / load.joins,
      };
    },
  });
  try {
    await create("alone", 0);
    await create("gathered", shards);
    return {
      variants: { alone: variant("alone"), gathered: variant("gathered") },
      close: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
}
