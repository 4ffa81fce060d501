/**
 * The double of Stripe itself, without a network: its state, its clock, its API as an app that answers requests, and its
 * webhooks. `server.ts` puts it on an address; a simulation hands it requests directly.
 */
import { Hono } from "hono";
import { createFaults, type Faults } from "../faults.ts";
import { createApi } from "./api.ts";
import { createControl } from "./control.ts";
import type { ApiEnv } from "./endpoint.ts";
import { noteEvent } from "./events.ts";
import { createHostedPages } from "./hosted.ts";
import { createIdempotencyKeys } from "./idempotency.ts";
import { newId } from "./ids.ts";
import { createSchedule } from "./schedule.ts";
import { emptyStore, type Account } from "./state.ts";
import { createSwitches } from "./switches.ts";
import { createWebhooks, type Webhooks } from "./webhooks.ts";

export interface DoubleOptions {
  /** Where webhooks go, asked for each; while it is undefined, events are noted and sent to nobody. */
  webhookUrl?: () => string | undefined;
  /** Default: new random ones. */
  secretKey?: string;
  webhookSecret?: string;
  /** The clock, milliseconds of the epoch. Whoever moves it calls `settled` afterwards. */
  now?: () => number;
  /** Chance in [0, 1) of switches and faults. */
  random?: () => number;
}

export interface Double {
  account: Account;
  app: Hono<ApiEnv>;
  faults: Faults;
  webhooks: Webhooks;
  secretKey: string;
  webhookSecret: string;
}

/** @param address where it can be reached, `http://…` without a slash at the end; asked when a page is named */
export function createDouble(options: DoubleOptions, address: () => string): Double {
  const { now = Date.now, random = Math.random, webhookUrl = () => undefined } = options;
  const { secretKey = newId("sk_test"), webhookSecret = newId("whsec") } = options;
  const faults = createFaults(random);
  const switches = createSwitches(random);
  const schedule = createSchedule(now);
  const store = emptyStore();
  const webhooks = createWebhooks({ url: webhookUrl, secret: webhookSecret, now, schedule, switches });
  const account: Account = {
    store,
    schedule,
    switches,
    now,
    pageUrl: (session) => `${address()}/pay/${session}`,
    emit: (type, object) => webhooks.send(noteEvent(store, now, type, object)),
  };

  const app = new Hono<ApiEnv>();
  app.use(async (_, next) => {
    // Under a clock that a test moved, the timer does not know yet what is due.
    schedule.run();
    await next();
  });
  app.route("/v1", createApi({ account, faults, keys: createIdempotencyKeys(now), secretKey }));
  app.route("/_control", createControl({ account, faults, secretKey }));
  app.route("/", createHostedPages(account));
  return { account, app, faults, webhooks, secretKey, webhookSecret };
}
