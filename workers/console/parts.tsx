/** Pieces that several pages of the console show. */
import type { Child } from "hono/jsx";
import type { Figure } from "../../static/assets/figures.js";

interface FigureProps {
  /** What console-live.js knows it by. */
  name: string;
  label: string;
  figure: Figure;
}

/** A number with its label; in a `dl`. */
export function FigureCell({ name, label, figure: { text, note = "", state = "" } }: FigureProps) {
  return (
    <div class={state === "" ? "figure" : `figure figure-${state}`} data-figure={name}>
      <dt>{label}</dt>
      <dd class="figure-text">{text}</dd>
      <dd class="figure-note">{note}</dd>
    </div>
  );
}

const tagStates: Record<string, string> = {
  confirmed: "tag-good",
  captured: "tag-good",
  done: "tag-good",
  applied: "tag-good",
  sent: "tag-good",
  held: "tag-warn",
  authorised: "tag-warn",
  asked: "tag-warn",
  waiting: "tag-warn",
  running: "tag-warn",
  found: "tag-warn",
  failed: "tag-bad",
  dead: "tag-bad",
};

/** A word of the system's, coloured by what it means; the word says it too. */
export const Tag = ({ word }: { word: string }) => <span class={`tag ${tagStates[word] ?? ""}`}>{word}</span>;

interface TableProps {
  caption: string;
  heads: Child[];
  children: Child;
  /** What to say instead of no rows. */
  empty?: string | undefined;
}

/** A table that scrolls by itself on a phone. */
export function Table({ caption, heads, children, empty }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabindex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {empty === undefined ? (
            children
          ) : (
            <tr>
              <td colspan={heads.length} class="quiet">
                {empty}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
