/** The shortest history that still breaks the same rule: parts of the plan are left out for as long as it does. */
import { everything, parts, type Kept } from "./keep.ts";
import type { Plan } from "./plan.ts";
import type { Done } from "./worker.ts";

/** @param run simulates what is kept @param untilMs when to be content with what there is */
export async function shrink(
  plan: Plan,
  rule: string,
  run: (kept: Kept) => Promise<Done>,
  untilMs: number,
): Promise<Kept> {
  let kept = everything(plan);
  const isOver = () => Date.now() > untilMs;
  const breaks = async (tried: Kept) => (await run(tried)).violations[0]?.rule === rule;
  for (let before = ""; before !== JSON.stringify(kept) && !isOver();) {
    before = JSON.stringify(kept);
    for (const part of parts)
      // Halves first, then ever smaller pieces.
      for (let size = kept[part].length; size >= 1 && !isOver(); size = Math.floor(size / 2))
        for (let from = 0; from < kept[part].length && !isOver();) {
          const tried = { ...kept, [part]: kept[part].toSpliced(from, size) };
          if (await breaks(tried)) kept = tried;
          else from += size;
        }
  }
  return kept;
}
