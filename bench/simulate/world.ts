/**
 * One simulated world: a time, a network, the stores as they are at its beginning (empty), Stripe, a mailbox, and requests
 * to the functions. What happens in it follows from its plan.
 */
import { createDouble, type Double } from "../../dev/stripe/double.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { seeded, type Random } from "../rehearse/random.ts";
import { HOSTS, stripeSecrets, type Engines, type Steps } from "./engines.ts";
import type { Services } from "../../functions/services.ts";
import { timeoutOf, type Surroundings } from "./globals.ts";
import { History } from "./history.ts";
import { Kernel, type Timer } from "./kernel.ts";
import { lives, type Life } from "./lives.ts";
import { Network, type Answered } from "./network.ts";
import { Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { registrationAt } from "./registration-plan.ts";
import { Reply, toPostgres, toRedis, toStripe } from "./wires.ts";

export const OPENS_AT_MS = Date.parse("2030-06-01T12:00:00Z");

export type Outcome<Value> = { value: Value } | { error: string };
type Work<Value> = (services: Services, steps: Steps) => Promise<Value>;

/** So that no two simulations of a process have the same sale: modules remember by its id. Always as long. */
let worlds = 0;

export class World implements Surroundings {
  readonly plan: Plan;
  readonly engines: Engines;
  readonly sale: Sale;
  readonly saleKeys: { readonly [name: string]: string };
  readonly kernel: Kernel;
  readonly history: History;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly stripe: Double;
  readonly mailbox: { to: string; text: string }[] = [];
  readonly clocks = { redis: 0, postgres: 0 };
  /** Orders that Redis lost before Postgres knew of them. */
  readonly lost = new Set<string>();
  /** Whether Redis lost something of the sale after its settlement, when nobody needs it there any more. */
  wasLostSettled = false;
  readonly #random: Random;
  /** Who calls by themselves, each with one chance for all their calls. */
  readonly #cron: Life;
  readonly #bank: Life;
  #requests = 0;
  /** Whether the next call of a script finds that Redis does not know it. */
  hasForgottenScripts = false;

  constructor(plan: Plan, engines: Engines) {
    this.plan = plan;
    this.engines = engines;
    const { openMs, createdMs, ...definition } = plan.sale;
    const id = `simulated-${[plan.seed, ++worlds].map((part) => String(part).padStart(10, "0")).join("-")}`;
    this.sale = saleSchema.parse({
      ...definition,
      ...registrationAt(plan.registration, OPENS_AT_MS),
      id,
      opensAt: new Date(OPENS_AT_MS).toISOString(),
      closesAt: new Date(OPENS_AT_MS + openMs).toISOString(),
    });
    this.kernel = new Kernel(OPENS_AT_MS + createdMs);
    this.#random = seeded(plan.seed, 5);
    this.history = new History(
      () => this.sinceMs(),
      [
        [new RegExp(id, "g"), "the-sale"],
        [/([\da-f]{8}-0000-4000-8000-[\da-f]{5})[\da-f]{7}/g, "$1"],
      ],
    );
    this.network = new Network(this.kernel, this.history, plan.troubles);
    this.#cron = this.somebody("cron", 900);
    this.#bank = this.somebody("stripe", 901);
    this.saleKeys = this.steps.saleKeys(id);
    this.oracle = new Oracle(
      engines.redis,
      this.sale,
      this.saleKeys,
      { sinceMs: () => this.sinceMs(), redisNowMs: () => this.redisNowMs() },
      { plan, postgres: engines.postgres },
    );
    this.stripe = createDouble(
      {
        ...stripeSecrets,
        now: () => this.kernel.nowMs,
        random: () => this.#random(),
        webhookUrl: () => `${HOSTS.shop}/webhooks/stripe`,
      },
      () => HOSTS.stripe,
    );
  }

  get steps(): Steps {
    const [first] = this.engines.isolates;
    if (first === undefined) throw new Error("there are isolates");
    return first.steps;
  }
  sinceMs(): number {
    return this.kernel.nowMs - OPENS_AT_MS;
  }
  redisNowMs(): number {
    return this.kernel.nowMs + this.clocks.redis;
  }
  nowMs(): number {
    return this.kernel.nowMs + (lives.getStore()?.skewMs ?? 0);
  }
  random(): number {
    return (lives.getStore()?.random ?? this.#random)();
  }
  after(ms: number, run: () => void): Timer {
    return this.kernel.after(ms, run);
  }
  /** Looks at a store past the network, as an event of its own: what takes real time must be one. */
  look<Value>(work: () => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => void this.kernel.after(0, () => work().then(resolve, reject)));
  }

  /** Somebody who is no request of the functions. */
  somebody(name: string, stream: number): Life {
    return this.network.life(name, this.plan.seed, stream);
  }

  /** A request to the functions, by way of the network. */
  async ask<Value>(client: Life, step: string, work: Work<Value>): Promise<Outcome<Value>> {
    try {
      return await this.network.send<Outcome<Value>>(
        client,
        {
          store: "shop",
          step: `shop ${step}`,
          timeoutMs: 30_000,
          execute: () => this.#run(client, step, work),
          refused: { error: "503" },
        },
        true,
      );
    } catch (error) {
      return { error: String(error) };
    }
  }

  /** The same, from within: cron, which no network is in front of. */
  async run(name: string, work: Work<unknown>): Promise<void> {
    await this.#run(this.#cron, name, work);
  }

  async #run<Value>(client: Life, step: string, work: Work<Value>): Promise<Outcome<Value>> {
    const nth = ++this.#requests;
    const chance = seeded(Math.floor(client.random() * 2 ** 32), 7);
    const isolate = this.engines.isolates[Math.floor(chance() * this.engines.isolates.length)];
    if (isolate === undefined) throw new Error("there are isolates");
    const life: Life = {
      name: `r${nth}`,
      isDead: false,
      skewMs: Math.round((chance() - 0.5) * 200),
      random: chance,
      died: () => undefined,
    };
    const services: Services = {
      ...isolate.stores,
      email: { send: (message) => this.#deliver(life, message) },
      later: (left) =>
        void left.catch((error: unknown) => {
          this.#failed(life, `${step}, later`, error);
        }),
    };
    return await new Promise((resolve) => {
      life.died = () => {
        this.history.note(life.name, `${client.name}'s ${step} dies`);
        resolve({ error: "died" });
      };
      const done = lives.run(life, async () => await work(services, isolate.steps));
      done.then(
        (value) => resolve({ value }),
        (error: unknown) => {
          this.#failed(life, step, error);
          resolve({ error: String(error) });
        },
      );
    });
  }

  #failed(life: Life, step: string, error: unknown): void {
    if (error instanceof Error && error.name === "Unavailable") return;
    this.oracle.violate("answers", `${step} threw ${String(error).slice(0, 300)}`);
    this.history.note(life.name, `threw ${String(error).slice(0, 300)}`);
  }

  async #deliver(life: Life, message: { to: string; subject: string; text: string }): Promise<void> {
    const code = await this.network.send<string | undefined>(life, {
      store: "mail",
      step: "mail send",
      timeoutMs: 10_000,
      execute: () => {
        this.mailbox.push({ to: message.to, text: message.text });
        return Promise.resolve(undefined);
      },
      refused: "E_INTERNAL_SERVER_ERROR",
    });
    // As the platform says that it has not sent it.
    if (code !== undefined) throw Object.assign(new Error(code), { code });
  }

  /** The network as code reaches it. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const life = lives.getStore() ?? this.#bank;
    const body = typeof init.body === "string" ? init.body : "";
    const timeoutMs = timeoutOf(init.signal);
    const answered = url.startsWith(HOSTS.redis)
      ? await toRedis(this, life, body, timeoutMs ?? 2_000)
      : url.startsWith(HOSTS.postgres)
        ? await toPostgres(this, life, body, init, timeoutMs ?? 10_000)
        : url.startsWith(HOSTS.shop)
          ? await this.#webhook(life, body, init)
          : await toStripe(this, life, url, init);
    return new Reply(answered) as unknown as Response;
  }

  async #webhook(life: Life, body: string, init: RequestInit): Promise<Answered> {
    const signature = new Headers(init.headers).get("Stripe-Signature") ?? "";
    const outcome = await this.ask(life, "webhook", (services, steps) =>
      steps.receive(services, body, signature),
    );
    if ("error" in outcome) return { status: 500, body: "" };
    return { status: "refused" in outcome.value ? 400 : 200, body: "" };
  }
}
