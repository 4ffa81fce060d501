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
import { farBack, pollAfterMs } from "../../functions/queue/pace.ts";
import { seeded } from "../rehearse/random.ts";
import { around, arrivalsByStep, type ArrivalProfile } from "./arrivals.ts";

export interface SaleOptions {
  visitors: number;
  stock: number;
  seed: number;
  profile: ArrivalProfile;
  /** From the first who may join to opening. */
  lobbySeconds: number;
  releaseSize: number;
  releaseEverySeconds: number;
  capacity: number;
  passSeconds: number;
  holdSeconds: number;
  /** Means of what people take: to look around before they reserve, and until they have paid. */
  lookSeconds: number;
  paySeconds: number;
  /** Into how many shards joins are spread; 0: each is a call of its own. */
  joinShards: number;
  commandsPerSecond: number;
  paid: boolean;
  /** All look as often as those near their turn: what it would be without the pace of those far back. */
  allLookAlike?: boolean | undefined;
}

export const STEP_SECONDS = 0.25;
const LASTS_MAX_SECONDS = 6 * 3600;
const TURN_MAX_SECONDS = 30;
const MOST_SHARE = 0.95;
/** Rebuilds of the pulse cost what it costs, one for each place that refills it. */
const SECOND_STEPS = Math.round(1 / STEP_SECONDS);

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

export function simulate(options: SaleOptions): Simulated {
  const { stock, joinShards, releaseSize, capacity } = options;
  const random = seeded(options.seed, 7);
  const arrivals = arrivalsByStep({ ...options, stepSeconds: STEP_SECONDS });
  const opensAt = Math.round(options.lobbySeconds / STEP_SECONDS);
  const perStep = options.commandsPerSecond * STEP_SECONDS;
  const turnSteps = steps(Math.min(options.passSeconds, TURN_MAX_SECONDS));
  const everySteps = steps(options.releaseEverySeconds);
  const laterSteps = steps(Math.max(options.holdSeconds, options.passSeconds, TURN_MAX_SECONDS) + 60);

  // What comes due in a later step, by step.
  const [comeBack, enters, reserves, confirms, returns, leavesInside] = [0, 0, 0, 0, 0, 0].map(() =>
    ring(laterSteps),
  );
  if (!comeBack || !enters || !reserves || !confirms || !returns || !leavesInside)
    throw new Error("unreachable");
  const joinQueue = cohorts();
  const line = cohorts();
  const waits = { join: histogram(), turn: histogram() };
  const peaks = { joins: peak(), looks: peak(), commands: peak(), edge: peak(), calls: peak() };

  let [available, choosing, inside, sold, insideDebt] = [stock, 0, 0, 0, 0];
  const total = {
    joined: 0,
    turnedAway: 0,
    looks: 0,
    commands: 0,
    calls: 0,
    pages: 0,
    edge: 0,
    functions: 0,
    objectCalls: 0,
  };
  let [outbox, outboxMax, lineMax, atOnceMax] = [0, 0, 0, 0];
  let [mostSoldAt, soldOutAt]: (number | undefined)[] = [];
  let [toHear, hearPerStep] = [0, 0];
  let step = 0;
  const end = opensAt + steps(LASTS_MAX_SECONDS);

  for (; step < end; step++) {
    const isOpen = step >= opensAt;
    const isOver = soldOutAt !== undefined;
    let spent = 0;

    // Newcomers, those who were told to come back among them. After the end they read the page and go.
    const fresh = arrivals[step] ?? 0;
    total.pages += fresh * of("requests.pages");
    const coming = (isOver ? 0 : fresh * of("requests.joins")) + comeBack.take(step);

    // People inside first, as the circuit of the edge has it.
    const called = isOpen && step % everySteps === opensAt % everySteps ? release() : 0;
    for (const [count, delay] of spread(called, of("looks.hearsTurnSeconds")))
      enters.add(step + delay, count);
    const entering = enters.take(step);
    for (const [count, delay] of spread(entering, options.lookSeconds)) reserves.add(step + delay, count);
    spent += entering * of("requests.entries") * of("commands.entry");

    const reserving = Math.min(reserves.take(step), available);
    choosing = Math.max(0, choosing - reserving);
    available -= reserving;
    spent += reserving * of("commands.reserve");
    const gone = around(random, reserving, of("people.abandon"));
    const back = around(random, reserving - gone, of("people.giveBack"));
    returns.add(step + steps(options.holdSeconds), gone);
    for (const [count, delay] of spread(back, options.paySeconds)) returns.add(step + delay, count);
    for (const [count, delay] of spread(reserving - gone - back, options.paySeconds))
      confirms.add(step + Math.min(delay, steps(options.holdSeconds)), count);

    const confirming = confirms.take(step);
    sold += confirming;
    inside = Math.max(0, inside - confirming);
    const paying = options.paid ? of("commands.checkout") : 0;
    spent += confirming * (of("commands.confirm") + paying + of("commands.sync"));

    const returning = returns.take(step);
    available += returning;
    inside = Math.max(0, inside - returning);
    spent += returning * of("commands.giveBack");
    const missed = leavesInside.take(step);
    choosing = Math.max(0, choosing - missed);
    inside = Math.max(0, inside - missed);

    if (step % SECOND_STEPS === 0) spent += of("commands.pulse") * of("cache.fills");

    // What is left of the commands is for joins; who would wait longer than an answer may take is turned away.
    const room = Math.max(0, perStep - spent - insideDebt);
    insideDebt = Math.max(0, insideDebt + spent - perStep);
    const joinable = joinShards > 0 ? batchedJoins(room, joinShards, joinQueue.count() + coming) : undefined;
    const most = joinable?.joins ?? room / of("commands.join");
    const patience = (most / STEP_SECONDS) * (of("latency.slowMs") / 1000);
    const taken = Math.max(0, Math.min(coming, patience - joinQueue.count()));
    const refused = Math.floor(coming - taken);
    joinQueue.add(step, coming - refused);
    for (const [count, delay] of spread(refused, of("latency.retrySeconds")))
      comeBack.add(step + delay, count);
    total.turnedAway += refused;
    const joining = Math.min(most, joinQueue.count());
    joinQueue.take(joining, (at, count) => waits.join.add((step - at) * STEP_SECONDS, count));
    const joinCommands =
      joinable === undefined
        ? joining * of("commands.join")
        : Math.ceil(joinable.calls * Math.min(1, joining / Math.max(1, joinable.joins))) *
          of("batch.commandsPerCall");
    spent += joinCommands;
    const joinCalls = joinable === undefined ? joining : joinCommands / of("batch.commandsPerCall");
    total.objectCalls += joinable === undefined ? 0 : joining;
    // Who reloads asks again, and has the place already.
    if (!isOver) line.add(step, joining / of("requests.joins"));
    total.joined += joining;
    lineMax = Math.max(lineMax, line.count());

    // Looks at the pulse, by the pace that it asks for. Once it is over each looks once more, and goes.
    let looks = Math.min(toHear, hearPerStep);
    toHear -= looks;
    if (!isOver) {
      const [near, far] = paceSeconds(step);
      const nearPeople = Math.min(line.count(), far.beyond);
      looks = STEP_SECONDS * (nearPeople / near + (line.count() - nearPeople) / far.seconds);
      toHear = line.count();
      hearPerStep = (toHear * STEP_SECONDS) / far.seconds;
    }
    total.looks += looks;

    const commandRequests =
      joining + entering * of("requests.entries") + reserving + confirming + returning + refused;
    const toFunctions = commandRequests - refused + looks * (1 - of("cache.pollsAbsorbed"));
    total.edge += commandRequests + looks * (1 - of("cache.pollsAbsorbed"));
    total.functions += toFunctions;
    total.commands += spent;
    total.calls += joinCalls + entering + reserving + confirming + returning;
    // Nobody waits longer: who would, was turned away.
    const queueSeconds = Math.min(
      of("latency.slowMs") / 1000,
      (joinQueue.count() / Math.max(1, most)) * STEP_SECONDS,
    );
    atOnceMax = Math.max(
      atOnceMax,
      (toFunctions / STEP_SECONDS) * (of("latency.functionsMs") / 1000 + queueSeconds),
    );
    peaks.joins.add(step, joining);
    peaks.looks.add(step, looks);
    peaks.commands.add(step, spent);
    peaks.edge.add(step, commandRequests);
    peaks.calls.add(step, joinCalls);

    outbox += reserving + confirming + returning;
    outboxMax = Math.max(outboxMax, outbox);
    outbox = Math.max(0, outbox - of("postgres.ordersPerSecond") * STEP_SECONDS);

    if (sold >= MOST_SHARE * stock) mostSoldAt ??= step;
    if (soldOutAt === undefined && isOpen && sold >= stock) soldOutAt = step;
    if (isOver && toHear < 1) break;
    const isIdle = line.count() < 1 && inside < 1 && comeBack.isEmpty() && step >= arrivals.length;
    if (isOpen && isIdle && sold < stock) break;
  }

  /** How many come in, and go on to choose; those of them who never do take up room until their turn has ended. */
  function release(): number {
    const room = Math.max(0, Math.min(releaseSize, capacity - inside, available - choosing, line.count()));
    if (room < 1) return 0;
    const called = Math.floor(room);
    line.take(called, (at, count) => waits.turn.add((step - Math.max(at, opensAt)) * STEP_SECONDS, count));
    const missing = around(random, called, of("people.leave"));
    leavesInside?.add(step + turnSteps, missing);
    inside += called;
    choosing += called;
    return called - missing;
  }

  function paceSeconds(at: number): [near: number, far: { beyond: number; seconds: number }] {
    const sale = {
      nowMs: at * STEP_SECONDS * 1000,
      mode: "normal" as const,
      draw: undefined,
      inside,
      mostEach: 1,
      waiting: line.count(),
      nowServing: 0,
      reach: line.count() <= available - choosing ? null : reachOf(stock - sold),
      times: { opensAtMs: opensAt * STEP_SECONDS * 1000 },
      release: { everySeconds: options.releaseEverySeconds, size: releaseSize },
      items: [{ available }],
    };
    const far = options.allLookAlike === true ? undefined : farBack(sale);
    const asked = pollAfterMs(sale) / 1000;
    // Between two releases: a look at the release, which may still read the pulse before it, and one a second later.
    const isBetween = at >= opensAt && available > inside;
    const near = isBetween
      ? options.releaseEverySeconds / of("looks.perRelease")
      : Math.max(STEP_SECONDS, asked - of("looks.pulseAgeSeconds"));
    return [
      near,
      far === undefined
        ? { beyond: Infinity, seconds: near }
        : { beyond: far.beyond, seconds: far.pollAfterMs / 1000 },
    ];
  }

  const seconds = (steps: number) => (steps - opensAt) * STEP_SECONDS;
  return {
    soldOutSeconds: soldOutAt === undefined ? undefined : seconds(soldOutAt),
    mostSoldSeconds: mostSoldAt === undefined ? undefined : seconds(mostSoldAt),
    endSeconds: seconds(step),
    sold,
    joined: Math.round(total.joined / of("requests.joins")),
    turnedAway: total.turnedAway,
    joinsPerSecondMax: peaks.joins.perSecond(),
    joinWaitSeconds: { p50: waits.join.quantile(0.5), p99: waits.join.quantile(0.99) },
    turnWaitSeconds: { p50: waits.turn.quantile(0.5), p99: waits.turn.quantile(0.99) },
    looks: Math.round(total.looks),
    looksPerSecondMax: peaks.looks.perSecond(),
    requests: {
      pages: Math.round(total.pages),
      polls: Math.round(total.looks),
      commands: Math.round(total.edge - total.looks * (1 - of("cache.pollsAbsorbed"))),
      edge: Math.round(total.edge),
      functions: Math.round(total.functions),
    },
    redis: {
      commands: Math.round(total.commands),
      perSecondMax: peaks.commands.perSecond(),
      calls: Math.round(total.calls),
    },
    functionsAtOnceMax: Math.ceil(atOnceMax),
    edgeCores: (peaks.edge.perSecond() * of("cpu.edgeMs")) / 1000,
    outbox: {
      entriesMax: Math.round(outboxMax),
      lagSecondsMax: outboxMax / of("postgres.ordersPerSecond"),
    },
    lineMax: Math.round(lineMax),
    objects: { requests: Math.round(total.objectCalls), callsPerSecondMax: peaks.calls.perSecond() },
  };
}

const steps = (seconds: number) => Math.max(1, Math.round(seconds / STEP_SECONDS));

/** As the pulse says it; places are counted from who is next. */
const reachOf = (possible: number) => ({ left: possible, expected: possible, possible });

/** How many joins the shards carry in a step with so many commands left, and by how many calls. */
function batchedJoins(commands: number, shards: number, wanted: number): { joins: number; calls: number } {
  const calls = Math.min(
    commands / of("batch.commandsPerCall"),
    Math.max(1, wanted / of("batch.joinsPerCall")),
  );
  const carried = Math.min(
    calls * of("batch.joinsPerCall"),
    shards * of("batch.joinsPerShardPerSecond") * STEP_SECONDS,
  );
  return { joins: carried, calls };
}

/** Delays around a mean, as three equal groups: sooner, about then, later. */
function spread(count: number, meanSeconds: number): [count: number, steps: number][] {
  if (count <= 0) return [];
  const third = Math.floor(count / 3);
  return [
    [third, steps(meanSeconds * 0.3)],
    [count - 2 * third, steps(meanSeconds)],
    [third, steps(meanSeconds * 1.7)],
  ];
}

/** Counts that come due in later steps, none later than its size. */
function ring(size: number) {
  const counts = new Float64Array(size + 1);
  let pending = 0;
  return {
    add(step: number, count: number) {
      const at = step % counts.length;
      counts[at] = (counts[at] ?? 0) + count;
      pending += count;
    },
    take(step: number): number {
      const at = step % counts.length;
      const count = counts[at] ?? 0;
      counts[at] = 0;
      pending -= count;
      return count;
    },
    isEmpty: () => pending < 1,
  };
}

/** First come, first served, those who came in the same step together. */
function cohorts() {
  const counts: number[] = [];
  const since: number[] = [];
  let [head, all] = [0, 0];
  return {
    count: () => all,
    add(step: number, count: number) {
      if (count <= 0) return;
      counts.push(count);
      since.push(step);
      all += count;
    },
    take(wanted: number, each: (since: number, count: number) => void) {
      let left = Math.min(wanted, all);
      all -= left;
      while (left > 0 && head < counts.length) {
        const here = counts[head] ?? 0;
        const taken = Math.min(here, left);
        each(since[head] ?? 0, taken);
        left -= taken;
        if (taken < here) counts[head] = here - taken;
        else head++;
      }
    },
  };
}

function histogram() {
  const counts = new Map<number, number>();
  let all = 0;
  return {
    add(value: number, count: number) {
      counts.set(value, (counts.get(value) ?? 0) + count);
      all += count;
    },
    quantile(share: number): number {
      let left = share * all;
      for (const [value, count] of [...counts].sort(([a], [b]) => a - b))
        if ((left -= count) <= 0) return value;
      return 0;
    },
  };
}

/** The most of a second. */
function peak() {
  const recent = new Float64Array(SECOND_STEPS);
  let [sum, most] = [0, 0];
  return {
    add(step: number, count: number) {
      const at = step % SECOND_STEPS;
      sum += count - (recent[at] ?? 0);
      recent[at] = count;
      most = Math.max(most, sum);
    },
    perSecond: () => Math.round(most),
  };
}
