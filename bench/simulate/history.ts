/** What happened, line by line, with the time since the sale's opening. */
import { createHash } from "node:crypto";

export class History {
  readonly #lines: string[] = [];
  readonly #sinceMs: () => number;
  readonly #renamed: [RegExp, string][];

  /** @param renamed what is another text at each run, and what stands for it */
  constructor(sinceMs: () => number, renamed: [RegExp, string][]) {
    this.#sinceMs = sinceMs;
    this.#renamed = renamed;
  }

  note(who: string, what: string): void {
    this.#lines.push(`${(this.#sinceMs() / 1000).toFixed(3).padStart(9)}  ${who.padEnd(9)} ${what}`);
  }

  get length(): number {
    return this.#lines.length;
  }

  text(): string {
    return this.#renamed.reduce((text, [from, to]) => text.replaceAll(from, to), this.#lines.join("\n"));
  }

  hash(): string {
    return createHash("sha256").update(this.text()).digest("hex").slice(0, 16);
  }
}
