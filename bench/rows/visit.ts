/**
 * Whole visits against the article's design to the letter: each shopper joins the line, looks sixty times how it stands (five minutes of
 * a look each five seconds), and takes a unit if called in. What differs is what a look costs: ours reads a pulse that is made once a second for
 * everybody, the article asks Redis for each one's rank.
 */
import { z } from "zod";
import { Incorrect, type Row, type Settings } from "../measure.ts";
import { openRace } from "../race/peers.ts";
import { sampleOf } from "../race/race.ts";
import { people } from "../stage.ts";
import { GATEWAY_TOKEN } from "../stores.ts";

const POLLS = 60;
const UNDER_WAY = 64;
const STOCK = 50;

let races = 0;

const open = (settings: Settings) =>
  openRace(
    "ours.ts",
    { article: "article" },
    (entrant, _, { redis }) => ({
      async measure() {
        const shoppers = settings.quick ? 100 : 1_000;
        const calls = people(shoppers).map(({ shopper }) => shopper);
        const before = await billed(redis.url);
        const input = { race: `visit-${++races}`, stock: STOCK, calls, underWay: UNDER_WAY, polls: POLLS };
        const output = await entrant.race(input);
        const commandsEach = ((await billed(redis.url)) - before) / shoppers;
        // Whose turn does not come while they look has none: what was not sold must be there.
        if (output.got.length + output.left !== STOCK)
          throw new Incorrect(`${output.got.length} were sold of ${STOCK}, and ${output.left} are left`);
        return { ...sampleOf(output), commandsEach };
      },
    }),
    settings,
  );

/** Commands as Upstash would bill them, so far. */
async function billed(url: string): Promise<number> {
  const headers = { authorization: `Bearer ${GATEWAY_TOKEN}` };
  const stats: unknown = await (await fetch(`${url}/_gateway/stats`, { headers })).json();
  return z.object({ billedCommands: z.number() }).parse(stats).billedCommands;
}

const pair = { ours: "ours", against: "article" };

export const visit: Row = {
  name: "visit",
  about: "whole visits of shoppers who look sixty times, against the article's design to the letter",
  figures: [
    { what: "visits", ...pair },
    { what: "billed commands of a visit", ...pair, metric: "commandsEach" },
  ],
  rounds: { full: 3, quick: 1 },
  open,
};
