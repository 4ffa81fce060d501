/** What was refused, at the head of the page, with a way to each field that is wrong. */
import type { Problem } from "../../domain/api.ts";
import type { Refused } from "../answer.ts";

/** The id of the field that a JSON pointer means. */
export const fieldId = (pointer: string) => `field${pointer.replaceAll("/", "-")}`;

/** What is wrong with one field, or with what is in it. */
export const wrongAt = (refused: Refused | undefined, pointer: string): string[] =>
  refused?.problem.errors
    ?.filter((error) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`))
    .map(({ detail }) => detail) ?? [];

interface RefusalProps {
  refused: Refused;
  /** The field of the page's form that a pointer means, by its label. */
  fieldAt?: ((pointer: string) => { pointer: string; label: string } | undefined) | undefined;
}

export function Refusal({ refused, fieldAt }: RefusalProps) {
  const { problem, retryAfter } = refused;
  return (
    <section class="note note-bad" role="alert" aria-labelledby="refused" tabindex={-1} autofocus>
      <h2 id="refused">{problem.title}</h2>
      {problem.detail !== undefined && <p>{problem.detail}</p>}
      {problem.errors !== undefined && (
        <ul>
          {problem.errors.map(({ pointer, detail }) => {
            const field = fieldAt?.(pointer) ?? { pointer, label: nameOf(pointer) };
            return (
              <li>
                {pointer !== "" && <a href={`#${fieldId(field.pointer)}`}>{field.label}</a>} {detail}
              </li>
            );
          })}
        </ul>
      )}
      <p class="quiet">
        <code>{problem.type}</code>
        {advice[problem.type] !== undefined && <> · {advice[problem.type]}</>}
        {retryAfter !== null && <> · Try again in {retryAfter} s.</>}
      </p>
    </section>
  );
}

const nameOf = (pointer: string) =>
  pointer
    .slice(1)
    .split("/")
    .map((step) =>
      /^\d+$/.test(step) ? `${Number(step) + 1}` : step.replaceAll("~1", "/").replaceAll("~0", "~"),
    )
    .join(" › ");

/** What an operator does about it, where the title does not say so. */
const advice: Partial<Record<Problem["type"], string>> = {
  unavailable: "Nothing was lost. If it stays so, look at /healthz: it says which store does not answer.",
  on_hold: "Redis does not know this sale any more: rebuild it.",
  forbidden: "Sign in with the operator's token to change something.",
  line_open: "Pause, release size, mode, top-ups and closing still work.",
};
