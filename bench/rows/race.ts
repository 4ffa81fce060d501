/**
 * The same race for everybody: so many shoppers, each asking once, for the units of one sale, 64 at a time; afterwards exactly the
 * stock must be sold, and to nobody twice. Ours goes through the gateway that speaks Upstash's protocol, as does the article's; those on
 * PostgreSQL have its own protocol and a pool of connections.
 */
import type { Figure, Row, Settings } from "../measure.ts";
import { openRace } from "../race/peers.ts";
import { judgeSold, sampleOf } from "../race/race.ts";
import { people } from "../stage.ts";

const peers: Record<string, string> = {
  "row lock": "postgres-row-lock",
  "FOR UPDATE": "postgres-for-update",
  article: "article",
  Medusa: "medusa",
};
const notes: Record<string, string> = {
  "row lock":
    "durable with each answer, which ours is only after the sync; no expiry, no limit per shopper over several orders, no replay",
  "FOR UPDATE": "as the row lock",
  article: "no record of who got one, no limit, no expiry, no replay, nothing for PostgreSQL",
  Medusa:
    "durable with each answer, several locations; no expiry, no limit; under its own lock, without which it oversells",
};
const UNDER_WAY = 64;
/** Of the shoppers. */
const STOCK_SHARE = 0.1;
/** So slow that all the others would wait for it. */
const SHARE_OF_MEDUSA = 0.1;

let races = 0;

const open = (settings: Settings) =>
  openRace(
    "ours.ts",
    peers,
    (entrant, name) => ({
      async measure() {
        const many = (settings.quick ? 500 : 3_000) * (name === "Medusa" ? SHARE_OF_MEDUSA : 1);
        const stock = many * STOCK_SHARE;
        const calls = people(many).map(({ shopper }) => shopper);
        const output = await entrant.race({ race: `race-${++races}`, stock, calls, underWay: UNDER_WAY });
        judgeSold(output, stock);
        return sampleOf(output);
      },
    }),
    settings,
  );

export const race: Row = {
  name: "race",
  about: "shoppers racing for a tenth as many units: ours and what people would use instead",
  figures: Object.keys(peers).flatMap((against): Figure[] => [
    { what: `calls, against ${against}`, ours: "ours", against, note: notes[against] ?? "" },
    { what: "… median latency", ours: "ours", against, metric: "medianMs" },
    { what: "… 99 of 100", ours: "ours", against, metric: "p99Ms" },
  ]),
  rounds: { full: 7, quick: 1 },
  warm: true,
  open,
};
