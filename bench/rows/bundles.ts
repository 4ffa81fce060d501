/**
 * How big each Worker is, compressed as it is uploaded, and how long a new one takes to its first answer: workerd started with it on
 * a free port, against one with a hello world. Isolates on the platform start without a process, so what counts is the difference.
 */
import { gzipSync } from "node:zlib";
import type { Bundle } from "../../dev/workers/build.ts";
import { bareBundle, ourBundle, SECRET, startMeasured, tokenKeysSetting } from "../load/workers.ts";
import type { Opened, Row } from "../measure.ts";

/** Bindings that nothing needs to be behind for an answer that costs nobody anything. */
const bindings = {
  TOKEN_KEYS: tokenKeysSetting,
  IDENTITY_SECRET: SECRET,
  ADMIN_TOKEN: SECRET,
  UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
  UPSTASH_REDIS_REST_TOKEN: SECRET,
  DATABASE_URL: "postgresql://nobody:nothing@127.0.0.1/none",
  EMAIL_FROM: "shop@example.com",
};

async function open(): Promise<Opened> {
  const bundles: Record<string, Bundle> = {
    edge: await ourBundle("edge"),
    functions: await ourBundle("functions"),
    "hello world": await bareBundle({}, "Hello world"),
  };
  const kilobytes = ({ modules }: Bundle) =>
    gzipSync(modules.map(({ contents }) => contents).join("\n")).byteLength / 1024;
  const variants = Object.entries(bundles).map(([name, bundle]) => {
    const measure = async () => {
      const worker = await startMeasured("cold", bundle, { bindings });
      try {
        const startedMs = performance.now();
        // Nothing is there: answered by the routes alone.
        await (await fetch(`${worker.url}/nothing-is-here`)).arrayBuffer();
        return {
          kilobytes: kilobytes(bundle),
          firstMs: performance.now() - startedMs,
          cpuMs: worker.cpuMs(),
        };
      } finally {
        await worker.close();
      }
    };
    return [name, { measure }];
  });
  return { variants: Object.fromEntries(variants) as Opened["variants"], close: () => Promise.resolve() };
}

export const bundles: Row = {
  name: "bundles",
  about: "size and cold start of each Worker",
  figures: [
    { what: "edge, compressed", ours: "edge", metric: "kilobytes", budget: { of: "value", atMost: 100 } },
    { what: "functions, compressed", ours: "functions", metric: "kilobytes" },
    {
      what: "edge, from start to first answer, by CPU",
      ours: "edge",
      against: "hello world",
      metric: "cpuMs",
    },
    {
      what: "functions, from start to first answer, by CPU",
      ours: "functions",
      against: "hello world",
      metric: "cpuMs",
    },
    { what: "edge, first answer", ours: "edge", against: "hello world", metric: "firstMs" },
    { what: "functions, first answer", ours: "functions", against: "hello world", metric: "firstMs" },
  ],
  rounds: { full: 7, quick: 1 },
  open,
};
