/** What Redis says after a script, as the model reads it. */
import type { Reply } from "../../dev/redis/connection.ts";

export interface Record {
  id: string;
  shopper: string;
  number: number;
  state: "held" | "confirmed" | "released" | "expired" | "refunded";
  lines: { sku: string; quantity: number; price: number }[];
  total: number;
  returnTo?: string;
  intent?: string;
  slotUntilMs?: number;
}
export interface Movement {
  id?: string;
  state: "moved";
  from: string;
  to: string;
  lines: { sku: string; quantity: number }[];
}

/** What Redis says. */
export interface Seen {
  epoch: string | undefined;
  mode: string;
  capacity: number;
  nowServing: number;
  lastTick: number;
  releaseSize: number;
  opensAtMs: number;
  soldOut: boolean;
  stock: Map<string, number>;
  waiting: Map<string, number>;
  lobby: Map<string, number>;
  released: Map<string, number>;
  inside: Set<string>;
  /** Of the draw; 0 before it. */
  seed: string;
  drawn: number;
  /** Of slots: who uses one, or gave it up, and for what. */
  claims: Map<string, string>;
  claimUntilMs: number;
  /** Undefined until Redis was told. */
  slotsGiven: number | undefined;
}

/** Of the sale's hash, as `readingOf` expects them. */
export const ruleFields = [
  "epoch",
  "mode",
  "capacity",
  "nowServing",
  "soldOut",
  "drawSeed",
  "drawCount",
  "lastTick",
  "releaseSize",
  "opensAtMs",
  "claimUntilMs",
  "slotsGiven",
];

export function readingOf([sale, stock, entries, waiting, released, lobby, inside, claims]: Reply[]): [
  Seen,
  [string, Record | Movement][],
] {
  const [
    epoch,
    mode = "",
    capacity,
    nowServing,
    soldOut,
    seed = "",
    drawn,
    lastTick,
    releaseSize,
    opensAtMs,
    claimUntilMs,
    slotsGiven = "",
  ] = list(sale);
  const events = (Array.isArray(entries) ? entries : []).map((entry): [string, Record | Movement] => {
    const [id, fields] = Array.isArray(entry) ? entry : [];
    return [String(id), JSON.parse(list(fields)[1] ?? "") as Record | Movement];
  });
  return [
    {
      epoch: epoch === "" ? undefined : epoch,
      mode,
      capacity: Number(capacity),
      nowServing: Number(nowServing),
      lastTick: Number(lastTick),
      releaseSize: Number(releaseSize),
      opensAtMs: Number(opensAtMs),
      soldOut: soldOut !== "",
      stock: pairs(stock),
      waiting: pairs(waiting),
      released: pairs(released),
      lobby: pairs(lobby),
      inside: new Set(list(inside)),
      seed,
      drawn: Number(drawn),
      claims: texts(claims),
      claimUntilMs: Number(claimUntilMs),
      slotsGiven: slotsGiven === "" ? undefined : Number(slotsGiven),
    },
    events,
  ];
}

/** Null is "". */
export const list = (reply: Reply | undefined): string[] =>
  Array.isArray(reply) ? reply.map((each) => (each === null ? "" : String(each))) : [];

function texts(reply: Reply | undefined): Map<string, string> {
  const flat = list(reply);
  const found = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) found.set(flat[i] ?? "", flat[i + 1] ?? "");
  return found;
}
const pairs = (reply: Reply | undefined): Map<string, number> =>
  new Map([...texts(reply)].map(([field, text]) => [field, parseFloat(text)]));

/** The first word of a script's answer; of a join, whose calls carry many, that of the first who joins. */
export const wordOf = (answer: string) => /^\{"result":\[(?:\[\[)?"(\w+)"/.exec(answer)?.[1];
/** The number behind it. */
export const numberOf = (answer: string) => Number(/^\{"result":\[(?:\[\[)?"\w+",(\d+)/.exec(answer)?.[1]);

/** Ids of a stream: milliseconds and a sequence. */
export function isAfter(entry: string, cursor: string): boolean {
  const [[ms = 0, sequence = 0], [cursorMs = 0, cursorSequence = 0]] = [
    entry.split("-").map(Number),
    cursor.split("-").map(Number),
  ];
  return ms > cursorMs || (ms === cursorMs && sequence > cursorSequence);
}
