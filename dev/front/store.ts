/**
 * The front's memory: stored answers by URL and variant, least recently used out first, never more than a number of bytes.
 * The key is path and query exactly as sent, plus the values of the fields the answer's Vary names, compared verbatim.
 * Host, cookies and Authorization are not in the key: as in production, what leaks there must leak here.
 */
import type { Answer } from "./answer.ts";
import { line, type Fields } from "./headers.ts";
import type { Verdict } from "./freshness.ts";

export type Lifetimes = Extract<Verdict, { store: true }>;

export interface Entry extends Lifetimes {
  key: string;
  url: string;
  answer: Answer;
  tags: ReadonlySet<string>;
  bytes: number;
  /** Whether a request with these fields asks for this variant. */
  suits: (request: Fields) => boolean;
}

export type Purge = { tags: readonly string[] } | { everything: true };

export interface Store {
  /** The key of the variant this request asks for, as far as the URL's Vary is known. */
  keyFor(url: string, request: Fields): string;
  /** Fresh or stale; counts as a use. */
  get(key: string): Entry | undefined;
  /** @returns the entry, stored or (when the cache was purged since `generation`) only built */
  put(url: string, request: Fields, answer: Answer, lifetimes: Lifetimes, generation: number): Entry;
  delete(key: string): void;
  all(): Entry[];
  /** @returns how many entries went */
  purge(what: Purge): number;
  /** Increases with each purge: an answer asked for before a purge must not be stored after it. */
  readonly generation: number;
  readonly bytes: number;
  readonly entries: number;
}

/** Rough cost of the maps, lists and strings around a body. */
const OVERHEAD_BYTES = 1024;

const list = (value: string | undefined) =>
  (value ?? "")
    .split(",")
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== "");

const variant = (url: string, names: readonly string[], request: Fields) =>
  names.length === 0
    ? url
    : `${url}\n${names.map((name) => `${name}:${line(request, name) ?? ""}`).join("\n")}`;

export function createStore(bytesMax: number): Store {
  const entries = new Map<string, Entry>();
  const varies = new Map<string, { names: readonly string[]; count: number }>();
  let bytes = 0;
  let generation = 0;

  function remove(entry: Entry): void {
    entries.delete(entry.key);
    bytes -= entry.bytes;
    const vary = varies.get(entry.url);
    if (vary && --vary.count === 0) varies.delete(entry.url);
  }

  return {
    keyFor(url, request) {
      const vary = varies.get(url);
      return vary ? variant(url, vary.names, request) : url;
    },
    get(key) {
      const entry = entries.get(key);
      if (entry) {
        entries.delete(key);
        entries.set(key, entry);
      }
      return entry;
    },
    put(url, request, answer, lifetimes, asked) {
      const names = list(line(answer.headers, "vary")).toSorted();
      const key = variant(url, names, request);
      const tags = new Set(list(line(answer.headers, "cache-tag")));
      const size = answer.body.length + OVERHEAD_BYTES + 4 * (key.length + answer.fromCache.join().length);
      const suits = (other: Fields) => variant(url, names, other) === key;
      const entry: Entry = { ...lifetimes, key, url, answer, tags, bytes: size, suits };
      if (asked !== generation || size > bytesMax) return entry;

      const before = entries.get(key);
      if (before) remove(before);
      entries.set(key, entry);
      bytes += size;
      varies.set(url, { names, count: (varies.get(url)?.count ?? 0) + 1 });
      for (const oldest of entries.values()) {
        if (bytes <= bytesMax) break;
        remove(oldest);
      }
      return entry;
    },
    delete(key) {
      const entry = entries.get(key);
      if (entry) remove(entry);
    },
    all: () => [...entries.values()],
    purge(what) {
      generation++;
      const all = [...entries.values()];
      const wanted = "everything" in what ? undefined : what.tags.map((tag) => tag.toLowerCase());
      // A tag on one variant takes every variant of that URL with it.
      const urls = new Set(
        all.filter(({ tags }) => !wanted || wanted.some((tag) => tags.has(tag))).map(({ url }) => url),
      );
      const gone = all.filter(({ url }) => urls.has(url));
      gone.forEach(remove);
      return gone.length;
    },
    get generation() {
      return generation;
    },
    get bytes() {
      return bytes;
    },
    get entries() {
      return entries.size;
    },
  };
}
