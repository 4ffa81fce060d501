/**
 * How a request of the functions' code reaches its store: by way of the network, and held against the rules at the moment
 * in which it takes effect.
 */
import type { World } from "./world.ts";
import type { Life } from "./lives.ts";
import type { Answered } from "./network.ts";
import type { Statement } from "./postgres.ts";
import { wordOf } from "./reading.ts";
import { callStep, statementStep } from "./step-names.ts";

export async function toRedis(world: World, life: Life, body: string, timeoutMs: number): Promise<Answered> {
  const { redis } = world.engines;
  const command = redis.read(body);
  return await world.network.send(life, {
    store: "redis",
    step: `redis ${command.step}`,
    timeoutMs,
    execute: async () => {
      if (command.isScript && world.hasForgottenScripts && /"evalsha"/i.test(body.slice(0, 12))) {
        world.hasForgottenScripts = false;
        return { status: 400, body: '{"error":"NOSCRIPT No matching script."}' };
      }
      const { answer, seen } = await redis.run(command, world.redisNowMs(), world.oracle.look);
      if (command.isScript) {
        world.history.note(life.name, `${command.step} → ${wordOf(answer.body) ?? answer.body.slice(0, 60)}`);
        if (answer.status !== 200)
          world.oracle.violate("answers", `${command.step}: ${answer.body.slice(0, 200)}`);
        if (command.step !== "registration/admit") await world.oracle.after(command, answer.body, seen);
      }
      return answer;
    },
    refused: { status: 503, body: '{"error":"ERR injected"}' },
  });
}

export async function toPostgres(
  world: World,
  life: Life,
  body: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<Answered> {
  const statement = JSON.parse(body) as Statement;
  const arrayMode = new Headers(init.headers).get("Neon-Array-Mode") === "true";
  const step = statementStep(statement.query);
  return await world.network.send(life, {
    store: "postgres",
    step,
    timeoutMs,
    execute: async () => {
      const nowMs = world.kernel.nowMs + world.clocks.postgres;
      const answer = await world.engines.postgres.run(statement, arrayMode, nowMs);
      if (step === "sql sync/apply" && answer.status === 200) await holdStored(world);
      if (answer.status === 200)
        await world.oracle.registrations.after(
          step,
          statement.params,
          world.sinceMs() + world.clocks.postgres,
        );
      if (answer.status !== 200)
        world.history.note(life.name, `${step} refused: ${answer.body.slice(0, 160)}`);
      return answer;
    },
    refused: { status: 503, body: '{"message":"injected"}' },
  });
}

async function holdStored({ engines, oracle }: World): Promise<void> {
  const rows = await engines.postgres.query(
    `select (select last_entry from sync_cursor) as cursor, (select count(*)::int from discrepancies) as refused,
            coalesce((select jsonb_object_agg(id, state) from reservations), '{}') as states`,
  );
  const { cursor, refused, states } = rows[0] ?? {};
  oracle.holdStored(
    String(cursor),
    new Map(Object.entries(states as { [id: string]: string })),
    Number(refused),
  );
}

export async function toStripe(world: World, life: Life, url: string, init: RequestInit): Promise<Answered> {
  const method = init.method ?? "GET";
  const { pathname, search } = new URL(url);
  const step = callStep(method, pathname + search);
  return await world.network.send<Answered>(life, {
    store: "stripe",
    step,
    timeoutMs: 8_000,
    signal: init.signal,
    execute: async (failsAfter) => {
      beforeMoney(world, step, pathname);
      const headers = new Headers(init.headers);
      if (failsAfter) headers.set("Stripe-Double-Fault", "fail_after");
      const request = new Request(url, {
        method,
        headers,
        ...(method === "GET" ? {} : { body: typeof init.body === "string" ? init.body : "" }),
      });
      const response = await world.stripe.app.fetch(request, { response: undefined });
      world.history.note(life.name, `${step} → ${response.status}`);
      return {
        status: response.status,
        body: await response.text(),
        headers: Object.fromEntries(response.headers),
      };
    },
    refused: { status: 503, body: '{"error":{"type":"api_error","message":"injected"}}' },
  });
}

/** Money moves for orders only. */
function beforeMoney({ stripe, oracle }: World, step: string, pathname: string): void {
  if (step !== "stripe capture" && step !== "stripe void") return;
  const id = pathname.split("/")[3] ?? "";
  const intent = stripe.account.store.intents.get(id);
  const reservation = intent?.metadata["reservation"] ?? "";
  const wasConfirmed = oracle.confirmed.has(`${reservation} ${id}`);
  const record = oracle.knowledge.records.get(reservation);
  const isOrder = record?.state === "confirmed" && record.intent === id;
  if (step === "stripe capture" && !wasConfirmed)
    oracle.violate("money", `${id} is captured before ${reservation} is confirmed`);
  if (step === "stripe void" && isOrder && intent?.status === "requires_capture")
    oracle.violate("money", `the payment of the order ${reservation} is given up`);
}

/** As much of a `Response` as the clients read, without its streams. */
export class Reply {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly #body: string;

  constructor({ status, body, headers }: Answered) {
    this.status = status;
    this.ok = status >= 200 && status < 300;
    this.headers = new Headers(headers);
    this.#body = body;
  }
  text(): Promise<string> {
    return Promise.resolve(this.#body);
  }
  json(): Promise<unknown> {
    return Promise.resolve(JSON.parse(this.#body));
  }
  arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(new ArrayBuffer(0));
  }
}
