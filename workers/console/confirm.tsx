/**
 * A page between a dangerous button and what it does: it says what will happen, asks for the reason, and its form does it.
 * The same path answers both: `GET` asks, `POST` does it and goes on (303), or shows this page again with the refusal.
 */
import type { Child } from "hono/jsx";
import type { Session } from "../../domain/api.ts";
import type { Refused } from "../answer.ts";
import { page, salePath, type Tab } from "./frame.tsx";
import { fieldId, wrongAt } from "./refusal.tsx";

export interface Confirm {
  who: Session;
  sale: { id: string; name: string };
  tab: Tab;
  title: string;
  /** What happens, and whether it can be taken back. */
  text: Child;
  /** Such as "Close the sale". */
  button: string;
  /** It cannot be taken back. */
  isFinal?: boolean;
  /** Path that the form is sent to; the page's own. */
  action: string;
  /** Values that go with it: ids minted for this form, so that sending it twice does it once. */
  hidden?: Record<string, string>;
  /** More fields. */
  fields?: Child;
  /** Leave it out where the call takes none. */
  reason?: string | undefined;
  refused?: Refused | undefined;
}

export function confirmPage(confirm: Confirm): string {
  const {
    who,
    sale,
    tab,
    title,
    text,
    button,
    isFinal,
    action,
    hidden = {},
    fields,
    reason,
    refused,
  } = confirm;
  return page({
    title,
    who,
    sale,
    tab,
    refused,
    children: (
      <form class="confirm card" method="post" action={action}>
        <h2>{title}</h2>
        {text}
        {Object.entries(hidden).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        {fields}
        {reason !== undefined && (
          <Field label="Reason" pointer="/reason" hint="for the audit log" refused={refused}>
            <input name="reason" id={fieldId("/reason")} maxlength={500} value={reason} autocomplete="off" />
          </Field>
        )}
        <p class="actions">
          <button class={isFinal === true ? "button button-danger" : "button button-main"}>{button}</button>
          <a class="button" href={salePath(sale.id, tab)}>
            Cancel
          </a>
        </p>
      </form>
    ),
  });
}

interface FieldProps {
  label: string;
  /** Where the API says that its value is wrong; the input inside carries `fieldId(pointer)`. */
  pointer: string;
  hint?: Child;
  refused?: Refused | undefined;
  children: Child;
}

/** A label, its input, and what is wrong with it. */
export function Field({ label, pointer, hint, refused, children }: FieldProps) {
  const wrong = wrongAt(refused, pointer);
  return (
    <div class={wrong.length > 0 ? "field field-bad" : "field"}>
      <label for={fieldId(pointer)}>{label}</label>
      {children}
      {wrong.map((detail) => (
        <p class="wrong">{detail}</p>
      ))}
      {hint !== undefined && <p class="hint">{hint}</p>}
    </div>
  );
}
