/**
 * Idempotency keys as Stripe keeps them: the first answer to be executed under a key is given again for 24 hours, a 500
 * too; the key belongs to one endpoint and one set of parameters. What did not get to be executed (invalid parameters,
 * an error before) is not kept.
 */
import type { Refusal } from "./result.ts";

export interface Answer {
  status: number;
  /** JSON. */
  body: string;
  headers: Record<string, string>;
}

export interface IdempotencyKeys {
  /**
   * @param key undefined: nothing is kept
   * @param work executes the request; if it rejects, the key is free again
   */
  once(
    key: string | undefined,
    request: { endpoint: string; form: string },
    work: () => Promise<Answer>,
  ): Promise<Answer>;
}

interface Entry {
  endpoint: string;
  parameters: string;
  usedMs: number;
  answer?: Answer;
}

const keptMs = 24 * 60 * 60 * 1000;
const keyCharsMax = 255;

export function createIdempotencyKeys(now: () => number): IdempotencyKeys {
  /** In order of first use. */
  const entries = new Map<string, Entry>();

  function forgetOld(): void {
    for (const [key, { usedMs }] of entries) {
      if (usedMs + keptMs > now()) break;
      entries.delete(key);
    }
  }

  return {
    async once(key, { endpoint, form }, work) {
      if (key === undefined) return await work();
      if (key.length > keyCharsMax) return tooLong();
      forgetOld();
      const parameters = sorted(form);
      const known = entries.get(key);
      if (known !== undefined) {
        if (known.endpoint !== endpoint) return otherEndpoint(key, known.endpoint);
        if (known.parameters !== parameters) return otherParameters(key);
        return known.answer === undefined ? inUse(key) : replayed(known.answer);
      }
      const entry: Entry = { endpoint, parameters, usedMs: now() };
      entries.set(key, entry);
      try {
        entry.answer = await work();
        return entry.answer;
      } finally {
        if (entry.answer === undefined) entries.delete(key);
      }
    },
  };
}

/** Parameters are the same in another order. */
const sorted = (form: string) => JSON.stringify([...new URLSearchParams(form)].sort());

const replayed = ({ status, body, headers }: Answer): Answer => ({
  status,
  body,
  headers: { ...headers, "Idempotent-Replayed": "true" },
});

export const answerOf = ({ status, error }: Refusal): Answer => ({
  status,
  body: JSON.stringify({ error }),
  headers: {},
});

const tooLong = () =>
  answerOf({
    status: 400,
    error: {
      type: "idempotency_error",
      message: `Idempotency keys can be up to ${keyCharsMax} characters long.`,
    },
  });

const otherParameters = (key: string) =>
  answerOf({
    status: 400,
    error: {
      type: "idempotency_error",
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
    },
  });

const otherEndpoint = (key: string, endpoint: string) =>
  answerOf({
    status: 400,
    error: {
      type: "idempotency_error",
      message: `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${endpoint}'). Try using a key other than '${key}' if you meant to execute a different request.`,
    },
  });

const inUse = (key: string) =>
  answerOf({
    status: 409,
    error: {
      type: "invalid_request_error",
      code: "idempotency_key_in_use",
      message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
    },
  });
