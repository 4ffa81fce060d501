/**
 * What the edge's checks add to an answer: a token's MAC, seen for the first time or again, and the shopper's ten requests a second.
 * One Worker says hello, with one of the checks before it or none. Every request comes with a token of its own, as from a crowd.
 */
import { tokenKeys } from "../../domain/token.ts";
import { encode, loadEach } from "../load/http.ts";
import { benchBundle, startMeasured, tokenKeysSetting } from "../load/workers.ts";
import type { Opened, Row, Settings } from "../measure.ts";
import { people } from "../stage.ts";

const paths = {
  "no check": "/",
  "token, first seen": "/token",
  "token, seen before": "/remembered",
  "bare HMAC": "/hmac",
  limiter: "/limited",
};

async function open({ quick }: Settings): Promise<Opened> {
  const worker = await startMeasured("checks", await benchBundle("workers/checks.ts"), {
    bindings: { TOKEN_KEYS: tokenKeysSetting },
  });
  const keys = tokenKeys(tokenKeysSetting);
  const expiresAtMs = Date.now() + 3_600_000;
  const tokens = await Promise.all(
    people(quick ? 4_000 : 15_000).map(({ shopper, number }) =>
      keys.sign({ kind: "pass", sale: "bench", shopper, identity: "anyone", number, epoch: 1, expiresAtMs }),
    ),
  );
  return {
    variants: Object.fromEntries(
      Object.entries(paths).map(([name, path]) => {
        const requests = tokens.map((token) =>
          encode(worker.url, { path, headers: { authorization: `Bearer ${token}` } }),
        );
        const measure = async () => {
          const before = worker.cpuMs();
          const perSecond = await loadEach(worker.url, requests, { connections: 16 });
          return { perSecond, cpuMicros: (1000 * (worker.cpuMs() - before)) / requests.length };
        };
        return [name, { measure }];
      }),
    ),
    close: worker.close,
  };
}

export const checks: Row = {
  name: "checks",
  about: "what a check of the edge adds to an answer",
  figures: [
    { what: "token, first seen", ours: "token, first seen", against: "no check" },
    { what: "token, first seen", ours: "token, first seen", against: "bare HMAC" },
    { what: "token, seen before", ours: "token, seen before", against: "no check" },
    { what: "ten a second for each shopper", ours: "limiter", against: "no check" },
  ],
  rounds: { full: 9, quick: 2 },
  warm: true,
  open,
};
