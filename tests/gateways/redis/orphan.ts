/** A process that starts a Redis and never stops it, for server.test.ts to end in various ways. */
import { startRedisServer } from "../../../dev/redis/server.ts";

const { socketPath } = await startRedisServer();
process.once("message", () => process.exit());
process.send?.({ socketPath });
