/** Finds the Redis to run: the one REDIS_SERVER names, else redis-server, else valkey-server on the PATH. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** There is no Redis on this machine. The message is one line: what is missing and how to get it. */
export class MissingBinary extends Error {
  override readonly name = "MissingBinary";
}

/**
 * @param env where REDIS_SERVER and PATH are read, replaceable for tests
 * @returns an absolute path, or REDIS_SERVER as it stands
 * @throws {MissingBinary}
 */
export function findRedisBinary(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env.REDIS_SERVER;
  const names = chosen ? [chosen] : ["redis-server", "valkey-server"];
  for (const name of names) {
    const folders = name.includes("/") ? [""] : (env.PATH ?? "").split(delimiter).filter(Boolean);
    const found = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (found !== undefined) return found;
  }
  const missing = chosen
    ? `REDIS_SERVER=${chosen} is not an executable file`
    : "redis-server is missing (valkey-server would do)";
  throw new MissingBinary(
    `${missing}: install it with "apt-get install redis-server" or "brew install redis", or set REDIS_SERVER=path`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
