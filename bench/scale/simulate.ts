/**
 * A sale in steps of a quarter of a second, for crowds that no machine here could play: people are cohorts, not objects, so
 * ten million cost as much memory as ten. What each step costs and takes is what was measured (bench/cost/inputs.ts); how
 * people come, wait, hold and pay follows the rules of the product. Seeded: the same options give the same sale.
 *
 * Modelled: arrivals, a cap of Redis commands a second with people inside before newcomers, newcomers turned away and
 * coming back as the edge's circuit has it, releases, passes, holds, the pace of looks, the outbox. Not modelled: networks,
 * failures, what one of the platforms does under such a load.
 */
import { of } from "../cost/inputs.ts";
import { seeded } from "../rehearse/random.ts";
import { arrivalsByStep } from "./arrivals.ts";
import { cohorts, histogram, peak, SECOND_STEPS, STEP_SECONDS, steps } from "./counts.ts";
import { peopleInside } from "./inside.ts";
import { newcomers } from "./joining.ts";
import { lookers } from "./looking.ts";
import type { SaleOptions } from "./options.ts";

const LASTS_MAX_SECONDS = 6 * 3600;
const MOST_SHARE = 0.95;

export interface Simulated {
  /** From opening; undefined when something is unsold at the end. */
  soldOutSeconds: number | undefined;
  /** The same of the nineteenth twentieth, after which the rest waits for holds to end. */
  mostSoldSeconds: number | undefined;
  /** From opening to the time when everybody has heard. */
  endSeconds: number;
  sold: number;
  joined: number;
  /** Times somebody was told to come back, because Redis had all the joins it could take. */
  turnedAway: number;
  joinsPerSecondMax: number;
  /** From asking to the place in line, for the slowest hundredth. */
  joinWaitSeconds: { p50: number; p99: number };
  /** From opening to the turn, of those whose turn came. */
  turnWaitSeconds: { p50: number; p99: number };
  looks: number;
  looksPerSecondMax: number;
  requests: { pages: number; polls: number; commands: number; edge: number; functions: number };
  redis: { commands: number; perSecondMax: number; calls: number };
  functionsAtOnceMax: number;
  edgeCores: number;
  outbox: { entriesMax: number; lagSecondsMax: number };
  lineMax: number;
  objects: { requests: number; callsPerSecondMax: number };
}

export function simulate(sale: SaleOptions): Simulated {
  const arrivals = arrivalsByStep({ ...sale, stepSeconds: STEP_SECONDS });
  const opensAt = Math.round(sale.lobbySeconds / STEP_SECONDS);
  const perStep = sale.commandsPerSecond * STEP_SECONDS;
  const tally = createTally();
  const line = cohorts();
  let step = 0;
  const inside = peopleInside(sale, opensAt, seeded(sale.seed, 7), line, (joinedAt, count) =>
    tally.turns.add((step - Math.max(joinedAt, opensAt)) * STEP_SECONDS, count),
  );
  const coming = newcomers(sale, (askedAt, count) => tally.joins.add((step - askedAt) * STEP_SECONDS, count));
  const looking = lookers(sale, opensAt);
  let owed = 0;
  let [mostSoldAt, soldOutAt]: (number | undefined)[] = [];

  for (const end = opensAt + steps(LASTS_MAX_SECONDS); step < end; step++) {
    const isOver = soldOutAt !== undefined;
    // After the end who comes reads the page, and goes.
    const fresh = arrivals[step] ?? 0;
    // Those inside first, as the circuit of the edge has it; the pulse too, in each place that refills it.
    const served = inside.advance(step);
    const pulses = step % SECOND_STEPS === 0 ? of("commands.pulse") * of("cache.fills") : 0;
    const first = served.commands + pulses;
    const room = Math.max(0, perStep - first - owed);
    owed = Math.max(0, owed + first - perStep);
    const joined = coming.advance(step, isOver ? 0 : fresh * of("requests.joins"), room);
    // Who reloads asks again, and has the place already.
    if (!isOver) line.add(step, joined.joining / of("requests.joins"));
    const looks = isOver ? looking.hear() : looking.advance(step, line.count(), inside.now);
    tally.count(step, {
      fresh,
      looks,
      served,
      joined,
      commands: first + joined.commands,
      line: line.count(),
    });

    const { sold } = inside.now;
    if (sold >= MOST_SHARE * sale.stock) mostSoldAt ??= step;
    if (step >= opensAt && sold >= sale.stock) soldOutAt ??= step;
    if (isOver && looking.haveHeard()) break;
    const isIdle = line.count() < 1 && inside.now.inside < 1 && coming.isEmpty() && step >= arrivals.length;
    if (isIdle && step >= opensAt && sold < sale.stock) break;
  }

  const seconds = (at: number | undefined) => (at === undefined ? undefined : (at - opensAt) * STEP_SECONDS);
  return {
    soldOutSeconds: seconds(soldOutAt),
    mostSoldSeconds: seconds(mostSoldAt),
    endSeconds: (step - opensAt) * STEP_SECONDS,
    sold: inside.now.sold,
    ...tally.result(sale),
  };
}

interface Step {
  fresh: number;
  looks: number;
  served: { requests: number; changes: number };
  joined: { joining: number; turnedAway: number; calls: number; queueSeconds: number };
  commands: number;
  line: number;
}

/** What the whole sale comes to. */
function createTally() {
  const [turns, joins] = [histogram(), histogram()];
  const peaks = { joins: peak(), looks: peak(), commands: peak(), edge: peak(), calls: peak() };
  const sum = { pages: 0, looks: 0, requests: 0, turnedAway: 0, joined: 0, commands: 0, calls: 0 };
  const most = { outbox: 0, line: 0, atOnce: 0 };
  let outbox = 0;

  return {
    turns,
    joins,
    count(step: number, { fresh, looks, served, joined, commands, line }: Step): void {
      const requests = served.requests + joined.joining;
      const missed = looks * (1 - of("cache.pollsAbsorbed"));
      sum.pages += fresh * of("requests.pages");
      sum.looks += looks;
      sum.requests += requests;
      sum.turnedAway += joined.turnedAway;
      sum.joined += joined.joining;
      sum.commands += commands;
      sum.calls += joined.calls + served.requests;
      peaks.joins.add(step, joined.joining);
      peaks.looks.add(step, looks);
      peaks.commands.add(step, commands);
      peaks.edge.add(step, requests + joined.turnedAway);
      peaks.calls.add(step, joined.calls);
      outbox += served.changes;
      most.outbox = Math.max(most.outbox, outbox);
      outbox = Math.max(0, outbox - of("postgres.ordersPerSecond") * STEP_SECONDS);
      most.line = Math.max(most.line, line);
      const takes = of("latency.functionsMs") / 1000 + joined.queueSeconds;
      most.atOnce = Math.max(most.atOnce, ((requests + missed) / STEP_SECONDS) * takes);
    },
    result({ joinShards }: SaleOptions) {
      const missed = sum.looks * (1 - of("cache.pollsAbsorbed"));
      const commands = sum.requests + sum.turnedAway;
      return {
        joined: Math.round(sum.joined / of("requests.joins")),
        turnedAway: sum.turnedAway,
        joinsPerSecondMax: peaks.joins.perSecond(),
        joinWaitSeconds: { p50: joins.quantile(0.5), p99: joins.quantile(0.99) },
        turnWaitSeconds: { p50: turns.quantile(0.5), p99: turns.quantile(0.99) },
        looks: Math.round(sum.looks),
        looksPerSecondMax: peaks.looks.perSecond(),
        requests: {
          pages: Math.round(sum.pages),
          polls: Math.round(sum.looks),
          commands: Math.round(commands),
          edge: Math.round(commands + missed),
          functions: Math.round(sum.requests + missed),
        },
        redis: {
          commands: Math.round(sum.commands),
          perSecondMax: peaks.commands.perSecond(),
          calls: Math.round(sum.calls),
        },
        functionsAtOnceMax: Math.ceil(most.atOnce),
        edgeCores: (peaks.edge.perSecond() * of("cpu.edgeMs")) / 1000,
        outbox: {
          entriesMax: Math.round(most.outbox),
          lagSecondsMax: most.outbox / of("postgres.ordersPerSecond"),
        },
        lineMax: Math.round(most.line),
        objects: {
          requests: joinShards === 0 ? 0 : Math.round(sum.joined),
          callsPerSecondMax: peaks.calls.perSecond(),
        },
      };
    },
  };
}
