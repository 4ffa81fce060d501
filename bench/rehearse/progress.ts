/** The run while it runs: one line that is rewritten each second on a terminal, a line every few seconds elsewhere. */
import type { Tally } from "./world.ts";

export interface Status extends Tally {
  phase: string;
  stock: number;
  shoppers: number;
  /** Negative once it is open. */
  opensInSeconds: number;
  requestsPerSecond: number;
  errors: number;
}

export interface Progress {
  /** Something worth a line of its own. */
  note: (line: string) => void;
  /** Before the sale: what is going on, once a second. */
  stage: (line: string) => void;
  /** Once a second. */
  status: (status: Status) => void;
  /** Leaves the terminal on a fresh line. */
  end: () => void;
}

interface Output {
  write: (text: string) => unknown;
  isTTY?: boolean;
  columns?: number;
}

const PLAIN_EVERY = 5;
const WIDTH_UNKNOWN = 100;
const CLEAR_LINE = "\r\u001b[2K";

export function createProgress(output: Output): Progress {
  return output.isTTY === true ? onTerminal(output) : inPlainLines(output);
}

export const silent: Progress = {
  note: () => undefined,
  stage: () => undefined,
  status: () => undefined,
  end: () => undefined,
};

function onTerminal(output: Output): Progress {
  let line = "";
  // A wrapped line could not be rewritten. Some terminals say 0: they do not know.
  const show = (text: string) => {
    line = text.slice(0, (output.columns || WIDTH_UNKNOWN) - 1);
    output.write(`${CLEAR_LINE}${line}`);
  };
  return {
    note: (text) => void output.write(`${line === "" ? "" : CLEAR_LINE}${text}\n${line}`),
    stage: show,
    status: (status) => show(format(status)),
    end() {
      if (line !== "") output.write("\n");
      line = "";
    },
  };
}

function inPlainLines(output: Output): Progress {
  let calls = 0;
  const show = (text: string) => {
    if (calls++ % PLAIN_EVERY === 0) output.write(`${text}\n`);
  };
  return {
    note: (text) => void output.write(`${text}\n`),
    stage: show,
    status: (status) => show(format(status)),
    end: () => undefined,
  };
}

export function format(status: Status): string {
  return [
    status.phase.padEnd(9),
    whenDone(status),
    `in line ${status.inLine}`,
    `inside ${status.inside}`,
    `held ${status.heldUnits}`,
    `orders ${status.orders}`,
    `sold ${status.soldUnits}/${status.stock}`,
    `${status.requestsPerSecond} req/s`,
    `errors ${status.errors}`,
  ].join("  ");
}

/** How far it is and how long it takes, by the pace so far: a crowd that comes, then a stock that is sold, then all who hear of it. */
function whenDone({ phase, arrived, shoppers, opensInSeconds, soldUnits, stock, finished }: Status): string {
  const share = (done: number, of: number) => `${Math.floor((done / Math.max(1, of)) * 100)} %`;
  if (opensInSeconds > 0) return `came ${share(arrived, shoppers)}, opens in ${minutes(opensInSeconds)}`;
  if (phase === "sold_out" || soldUnits >= stock) return `done ${share(finished, shoppers)}`;
  const left =
    soldUnits === 0 ? "" : `, about ${minutes((-opensInSeconds * (stock - soldUnits)) / soldUnits)}`;
  return `sold ${share(soldUnits, stock)}${left}`;
}

const minutes = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
