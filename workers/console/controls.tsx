/** The operator's hand beside the figures: each leads to a page that says what will happen. A viewer does not get to see them. */
import type { Live } from "../../domain/api.ts";
import { modes } from "../../domain/mode.ts";
import type { Sale } from "../../domain/sale.ts";
import type { Answer } from "../answer.ts";
import { salePath } from "./frame.tsx";

interface ControlsProps {
  sale: Sale;
  now: Answer<Live>;
}

export function Controls({ sale, now }: ControlsProps) {
  const action = (name: string) => salePath(sale.id, `/do/${name}`);
  const live = now.ok ? now.value : undefined;
  const isOver = live?.phase === "closed";
  const isLost = !now.ok && now.problem.type === "on_hold";
  return (
    <section class="card controls" aria-labelledby="controls">
      <h2 id="controls">Actions</h2>
      {live !== undefined && !isOver && (
        <>
          <p class="actions">
            {live.mode === "hold" ? (
              <a class="button button-main" href={action("resume")}>
                Resume…
              </a>
            ) : (
              <a class="button button-main" href={action("pause")}>
                Pause…
              </a>
            )}
            {Date.parse(live.now) < Date.parse(sale.opensAt) ? (
              <a class="button" href={action("open")}>
                Open now…
              </a>
            ) : (
              <a class="button button-danger" href={action("close")}>
                Close…
              </a>
            )}
          </p>
          <form method="get" action={action("release-size")} class="control">
            <label for="releaseSize">Release size</label>
            <input
              type="number"
              id="releaseSize"
              name="releaseSize"
              min={1}
              required
              value={live.release.size}
            />
            <button class="button">Change…</button>
          </form>
          <form method="get" action={action("top-up")} class="control control-wide">
            <label for="units">Top-up</label>
            <select name="sku" aria-label="Item to top up">
              {sale.items.map(({ sku, name }) => (
                <option value={sku}>{name === sku ? sku : `${name} (${sku})`}</option>
              ))}
            </select>
            <input type="number" id="units" name="units" min={1} required placeholder="units" />
            <button class="button">Add…</button>
          </form>
          <form method="get" action={action("mode")} class="control">
            <label for="mode">Mode</label>
            <select id="mode" name="mode">
              {modes.map((mode) => (
                <option value={mode} selected={mode === live.mode}>
                  {mode}
                </option>
              ))}
            </select>
            <button class="button">Change…</button>
          </form>
        </>
      )}
      {live !== undefined && isOver && <p class="quiet">The sale has ended: nothing of it can be changed.</p>}
      <p class="actions">
        <a class="button" href={action("reconcile")}>
          Reconcile…
        </a>
        <a class={isLost ? "button button-danger" : "button"} href={action("rebuild")}>
          Rebuild…
        </a>
      </p>
    </section>
  );
}
