/**
 * What code takes from its surroundings without asking for it: the time, waiting, chance, hashes, the network. During a
 * simulation they are the simulation's. Replaced for the whole process, before anything else is imported, because
 * libraries take them too; that is why simulations run in processes of their own.
 *
 * Hashes are made at once and not on another thread: whose would be done first is the machine's chance.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { lives } from "./lives.ts";
import type { Timer } from "./kernel.ts";

export interface Surroundings {
  nowMs(): number;
  random(): number;
  after(ms: number, run: () => void): Timer;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

let inForce: Surroundings | undefined;

/** Works in these surroundings; one at a time. */
export async function within<Value>(surroundings: Surroundings, work: () => Promise<Value>): Promise<Value> {
  inForce = surroundings;
  try {
    return await work();
  } finally {
    inForce = undefined;
  }
}

const real = {
  now: Date.now,
  fetch: globalThis.fetch,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
};
export const realNow = real.now;

/** A timeout that is not a timer: most are never reached, and the one who answers knows how long it takes. */
const timeouts = new WeakMap<AbortSignal, number>();
export const timeoutOf = (signal: AbortSignal | null | undefined) =>
  signal === null || signal === undefined ? undefined : timeouts.get(signal);

const simulatedTimers = new WeakMap<object, Timer>();

export function replaceGlobals(): void {
  Date.now = () => inForce?.nowMs() ?? real.now();

  globalThis.fetch = (input, init = {}) =>
    inForce === undefined
      ? real.fetch(input, init)
      : inForce.fetch(input instanceof Request ? input.url : String(input), init);

  globalThis.setTimeout = Object.assign((work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    if (inForce === undefined) return real.setTimeout(work, ms, ...args);
    const life = lives.getStore();
    const run = () => work(...args);
    const handle = { unref: () => handle, ref: () => handle };
    simulatedTimers.set(
      handle,
      inForce.after(ms, () => {
        if (life === undefined) run();
        else if (!life.isDead) lives.run(life, run);
      }),
    );
    return handle;
  }, real.setTimeout);

  globalThis.clearTimeout = (timer: unknown) => {
    const simulated = typeof timer === "object" && timer !== null ? simulatedTimers.get(timer) : undefined;
    if (simulated !== undefined) simulated.cancel();
    else real.clearTimeout(timer as NodeJS.Timeout);
  };

  AbortSignal.timeout = (ms) => {
    const { signal } = new AbortController();
    timeouts.set(signal, ms);
    return signal;
  };

  replaceCrypto();
}

function replaceCrypto(): void {
  const getRandomValues = globalThis.crypto.getRandomValues.bind(globalThis.crypto);
  const secrets = new WeakMap<object, Uint8Array>();
  const bytesOf = (data: BufferSource) =>
    ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
  const macOf = (key: object, data: BufferSource) =>
    createHmac("sha256", secrets.get(key) ?? new Uint8Array())
      .update(bytesOf(data))
      .digest();
  const exact = (bytes: Buffer) => new Uint8Array(bytes).buffer;
  const randomBytes = <View extends ArrayBufferView>(view: View): View => {
    const surroundings = inForce;
    if (surroundings === undefined) return getRandomValues(view as never);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    bytes.forEach((_, i) => (bytes[i] = Math.floor(surroundings.random() * 256)));
    return view;
  };

  Object.defineProperties(globalThis.crypto, {
    getRandomValues: { value: randomBytes },
    randomUUID: {
      value: () => {
        const hex = Buffer.from(randomBytes(new Uint8Array(16))).toString("hex");
        return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
      },
    },
  });
  const { subtle } = globalThis.crypto;
  const plain = {
    importKey: subtle.importKey.bind(subtle) as (...args: unknown[]) => Promise<CryptoKey>,
    sign: subtle.sign.bind(subtle),
    verify: subtle.verify.bind(subtle),
    digest: subtle.digest.bind(subtle),
  };
  const nameOf = (algorithm: AlgorithmIdentifier) =>
    (typeof algorithm === "string" ? algorithm : algorithm.name).replace("-", "");
  Object.defineProperties(subtle, {
    importKey: {
      value: async (format: string, data: BufferSource, ...rest: unknown[]) => {
        // Keys may be made before a simulation and used in it.
        const key = inForce === undefined ? await plain.importKey(format, data, ...rest) : ({} as CryptoKey);
        if (format === "raw") secrets.set(key, bytesOf(data).slice());
        return key;
      },
    },
    sign: {
      value: (algorithm: AlgorithmIdentifier, key: CryptoKey, data: BufferSource) =>
        inForce === undefined ? plain.sign(algorithm, key, data) : Promise.resolve(exact(macOf(key, data))),
    },
    verify: {
      value: (algorithm: AlgorithmIdentifier, key: CryptoKey, mac: BufferSource, data: BufferSource) => {
        if (inForce === undefined) return plain.verify(algorithm, key, mac, data);
        const [given, right] = [bytesOf(mac), macOf(key, data)];
        return Promise.resolve(given.length === right.length && timingSafeEqual(given, right));
      },
    },
    digest: {
      value: (algorithm: AlgorithmIdentifier, data: BufferSource) =>
        inForce === undefined
          ? plain.digest(algorithm, data)
          : Promise.resolve(exact(createHash(nameOf(algorithm)).update(bytesOf(data)).digest())),
    },
  });
}
