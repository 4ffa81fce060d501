/** Which trouble hit which step how often, over all simulations. */
import Table from "cli-table3";
import { troubleKinds, type TroubleKind } from "./network.ts";
import { steps } from "./step-list.ts";
import { impossible } from "./troubles.ts";
import type { Done } from "./worker.ts";

export class Coverage {
  readonly seen = new Map<string, number>();
  readonly hits = new Map<string, number>();

  add({ seen, hits }: Pick<Done, "seen" | "hits">): void {
    for (const [step, times] of seen) this.seen.set(step, (this.seen.get(step) ?? 0) + times);
    for (const [cell, times] of hits) this.hits.set(cell, (this.hits.get(cell) ?? 0) + times);
  }

  /** Cells that can be hit and were not, by step, with how often the step was asked for: that is why. */
  empty(): { step: string; asked: number; kinds: TroubleKind[] }[] {
    return steps.flatMap(({ name: step }) => {
      const kinds = troubleKinds.filter(
        (kind) => impossible(step, kind) === undefined && this.#of(step, kind) === 0,
      );
      return kinds.length === 0 ? [] : [{ step, asked: this.seen.get(step) ?? 0, kinds }];
    });
  }

  /** In one line. */
  summary(): string {
    const cells = steps.flatMap(({ name }) =>
      troubleKinds.filter((kind) => impossible(name, kind) === undefined),
    );
    const empty = this.empty().reduce((sum, { kinds }) => sum + kinds.length, 0);
    return `Troubles hit ${cells.length - empty} of ${cells.length} cells, which are steps by kinds of trouble`;
  }

  table(): string {
    const table = new Table({
      head: ["step", "asked", ...troubleKinds.map((kind) => kind.replace("_", "\n"))],
      colAligns: ["left", "right", ...troubleKinds.map(() => "right" as const)],
      style: { head: [], border: [], compact: true },
    });
    for (const { name } of steps)
      table.push([
        name,
        this.seen.get(name) ?? 0,
        ...troubleKinds.map((kind) => (impossible(name, kind) === undefined ? this.#of(name, kind) : "–")),
      ]);
    const why = new Set(
      steps.flatMap(({ name }) => troubleKinds.flatMap((kind) => impossible(name, kind) ?? [])),
    );
    const other = [...this.seen.keys()].filter((step) => !steps.some(({ name }) => name === step));
    return [
      table.toString(),
      `–: ${[...why].join("; ")}.`,
      ...(other.length > 0 ? [`Not hit at all: ${other.join(", ")}.`] : []),
    ].join("\n");
  }

  #of(step: string, kind: TroubleKind): number {
    return this.hits.get(`${step} ${kind}`) ?? 0;
  }
}
