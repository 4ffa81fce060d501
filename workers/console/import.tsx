/** A sale's file, as the console saves it and the command line takes it: read into the form, where it can be looked at first. */
import type { Session } from "../../domain/api.ts";
import type { Refused } from "../answer.ts";
import { page } from "./frame.tsx";

export function importPage(who: Session, text = "", refused?: Refused): string {
  return page({
    title: "From a file",
    who,
    area: "/admin",
    refused,
    scripts: ["console-editor.js"],
    children: (
      <>
        <div class="head">
          <h1>A sale from a file</h1>
        </div>
        <form class="card" method="post" action="/admin/import">
          <p class="field" data-file hidden>
            <label for="file">File</label>
            <input id="file" type="file" accept=".json,application/json" />
          </p>
          <div class="field">
            <label for="definition">What it says</label>
            <textarea
              id="definition"
              name="definition"
              rows={16}
              class="mono"
              required
              spellcheck={false}
              aria-describedby="definition-hint"
            >
              {text}
            </textarea>
            <p class="hint" id="definition-hint">
              JSON, as “Save as a file” gives it. For YAML: npm run sale -- create FILE.
            </p>
          </div>
          <p class="actions">
            <button class="button button-main">Read it</button>
            <a class="button" href="/admin/new">
              Cancel
            </a>
          </p>
        </form>
      </>
    ),
  });
}
