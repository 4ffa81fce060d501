/**
 * The form of a sale's definition: for a new one, and for one that may still change. Each field shows what is wrong with it and
 * keeps what was typed. Times are typed by the clock of a zone, which the script sets to the reader's own.
 */
import type { Child } from "hono/jsx";
import { keptOncePublished } from "../../domain/kept.ts";
import type { Refused } from "../answer.ts";
import { itemFields, itemsIn, type Values } from "./definition.ts";
import { itemLabels, ITEMS_LABEL, labels, type FieldName } from "./labels.ts";
import { fieldId, wrongAt } from "./refusal.tsx";
import { amountExample } from "./wording.ts";
import { instantOf, isZone } from "./zone.ts";

export interface Editor {
  values: Values;
  refused: Refused | undefined;
  /** `new`; `published`: what people rely on stays; `fixed`: its line has opened, nothing changes. */
  state: "new" | "published" | "fixed";
  action: string;
  /** Rows of items beyond those in use. */
  moreRows?: number;
  cancel: string;
}

export function EditorForm(editor: Editor) {
  const { values, state, action, cancel, moreRows = state === "new" ? 2 : 0 } = editor;
  const zone = values["zone"] ?? "UTC";
  const text = (name: FieldName, more: Omit<InputProps, "name" | "label"> = {}) => (
    <Input editor={editor} name={name} label={labels[name]} {...more} />
  );
  const time = (name: FieldName, hint?: Child) =>
    text(name, {
      type: "datetime-local",
      hint: <UtcHint local={values[name] ?? ""} zone={zone} more={hint} />,
    });
  const number = (name: FieldName, hint: Child, min = 1) => text(name, { type: "number", hint, min });
  return (
    <form class="editor" method="post" action={action} data-editor novalidate>
      {/* Enter presses the first button of a form, seen or not: of a new sale it must not be "More rows". */}
      {state === "new" && <button hidden {...preview} />}
      <div class="editor-cards">
        <fieldset class="card">
          <legend>What it is</legend>
          {text("name")}
          {text("id", {
            hint: "its address in the shop: small letters, digits, hyphens",
            readonly: state !== "new",
          })}
          {text("description", { area: true, hint: "an empty line begins a paragraph" })}
          {text("image", { hint: "a path on this host, such as /assets/shoe.jpg" })}
          {text("images", {
            area: true,
            hint: "one a line: its path, a space, and what is seen on it",
          })}
          {text("currency", { hint: "ISO 4217, such as EUR" })}
        </fieldset>
        <fieldset class="card">
          <legend>When</legend>
          {text("zone", {
            hint: "by whose clock the times below are typed, such as Europe/Berlin",
          })}
          {time("opensAt")}
          {time("closesAt")}
          {time("registrationOpensAt", "may be left empty")}
          {time("registrationClosesAt", "leave time for the e-mails to go out")}
        </fieldset>
        <fieldset class="card">
          <legend>Who, and in which order</legend>
          <Choice editor={editor} name="identity" options={identities} />
          <Choice editor={editor} name="lobby" options={lobbies} />
          <h3>Slots: units set aside for people who registered</h3>
          {text("slots.count", { type: "number", hint: "leave it empty for none", min: 1 })}
          <Choice editor={editor} name="slots.allocation" options={allocations} />
          {time("slots.claimUntil")}
        </fieldset>
        <Items editor={editor} rows={itemsIn(values) + moreRows} />
        <fieldset class="card">
          <legend>How fast</legend>
          {number("releaseSize", "at most")}
          {number("releaseEverySeconds", "1 to 60")}
          {number("capacity", "at most; who holds something counts until it is paid or given back")}
          {number("joinShards", "one for each 25,000 people expected, 0 for none; empty: by the stock", 0)}
          {number("passSeconds", "once it is somebody's turn", 5)}
          {number("holdSeconds", "while units are held", 5)}
        </fieldset>
        <fieldset class="card">
          <legend>E-mails and addresses</legend>
          {text("emails.from", {
            hint: "a name and an address, such as Shop <shop@example.com>; else the shop's own",
          })}
          {text("emails.replyTo", { type: "email" })}
          {text("emails.note", { area: true })}
          {number("keepAddressesDays", "after closing", 0)}
          {text("allowedOrigins", {
            area: true,
            hint: "one origin a line, such as https://shop.example",
          })}
        </fieldset>
      </div>
      {state !== "fixed" && (
        <div class="editor-foot">
          {state === "published" && text("reason", { hint: "for the audit log" })}
          <p class="actions">
            <button class="button button-main">{state === "new" ? "Create and publish" : "Save"}</button>
            <button class="button" {...preview}>
              Preview
            </button>
            <a class="button" href={cancel}>
              Cancel
            </a>
          </p>
        </div>
      )}
    </form>
  );
}

const preview = { formaction: "/admin/preview", formtarget: "_blank" };

const identities = {
  anyone: "anybody, one place per browser",
  registered: "a confirmed e-mail address",
  account: "an account of the shop",
};
const lobbies = { arrival: "by arrival", draw: "drawn at opening among all who are there" };
const allocations = { first_come: "who confirms first", draw: "a draw when registration closes" };

/** Where the API points at a field of the form. */
export const pointerOf = (name: string) => `/${name.replaceAll(".", "/")}`;

function isKept({ state }: Editor, name: string): boolean {
  const pointer = pointerOf(name).replace(/\/\d+(?=\/|$)/, "/*");
  return state === "fixed" || (state === "published" && keptOncePublished.includes(pointer));
}

interface InputProps {
  name: string;
  label: string;
  type?: "text" | "number" | "email" | "datetime-local";
  hint?: Child;
  min?: number;
  area?: boolean;
  readonly?: boolean;
}

function Input({ editor, ...props }: InputProps & { editor: Editor }) {
  const { values, refused } = editor;
  const { name, label, type = "text", hint, min, area = false, readonly = false } = props;
  const pointer = pointerOf(name);
  const [id, wrong, value] = [fieldId(pointer), wrongAt(refused, pointer), values[name] ?? ""];
  const common = {
    id,
    name,
    readonly: readonly || isKept(editor, name),
    "aria-invalid": wrong.length > 0 ? ("true" as const) : undefined,
    "aria-describedby": hint === undefined && wrong.length === 0 ? undefined : `${id}-about`,
  };
  return (
    <div class={wrong.length > 0 ? "field field-bad" : "field"}>
      <label for={id}>{label}</label>
      {area ? (
        <textarea {...common} rows={3}>
          {value}
        </textarea>
      ) : (
        <input
          {...common}
          type={type}
          value={value}
          min={min}
          step={/T\d\d:\d\d:/.test(value) ? 1 : undefined}
        />
      )}
      <About id={id} hint={hint} wrong={wrong} />
    </div>
  );
}

function About({ id, hint, wrong }: { id: string; hint?: Child; wrong: string[] }) {
  if (hint === undefined && wrong.length === 0) return null;
  return (
    <div id={`${id}-about`}>
      {wrong.map((detail) => (
        <p class="wrong">{detail}</p>
      ))}
      {hint !== undefined && <p class="hint">{hint}</p>}
    </div>
  );
}

interface ChoiceProps {
  editor: Editor;
  name: FieldName;
  options: Record<string, string>;
}

/** A select cannot be read-only, so one that is kept is only said, and its value goes along unseen. */
function Choice({ editor, name, options }: ChoiceProps) {
  const pointer = pointerOf(name);
  const [id, wrong, value] = [fieldId(pointer), wrongAt(editor.refused, pointer), editor.values[name] ?? ""];
  if (isKept(editor, name))
    return (
      <div class="field" id={id}>
        <p class="said">
          <b>{labels[name]}</b> {options[value] ?? (value || "–")}
        </p>
        <input type="hidden" name={name} value={value} />
      </div>
    );
  return (
    <div class={wrong.length > 0 ? "field field-bad" : "field"}>
      <label for={id}>{labels[name]}</label>
      <select id={id} name={name} aria-describedby={wrong.length > 0 ? `${id}-about` : undefined}>
        {Object.entries(options).map(([option, words]) => (
          <option value={option} selected={option === value}>
            {words}
          </option>
        ))}
      </select>
      <About id={id} wrong={wrong} />
    </div>
  );
}

function Items({ editor, rows }: { editor: Editor; rows: number }) {
  const { refused, state, values } = editor;
  const currency = (values["currency"] ?? "").trim();
  // What is wrong with the list as a whole; what is wrong in it stands at its field.
  const wrong = refused?.problem.errors?.filter(({ pointer }) => pointer === "/items") ?? [];
  return (
    <fieldset class="card items" id={fieldId("/items")}>
      <legend>{ITEMS_LABEL}</legend>
      {wrong.map(({ detail }) => (
        <p class="wrong">{detail}</p>
      ))}
      <div class="item-rows">
        {Array.from({ length: Math.max(rows, 1) }, (_, row) => (
          <div class="item" role="group" aria-label={`Item ${row + 1}`} data-row>
            {itemFields.map((field) => (
              <Input
                editor={editor}
                name={`items.${row}.${field}`}
                label={itemLabels[field]}
                type={field === "stock" || field === "limit" ? "number" : "text"}
                {...(field === "limit" ? { min: 1 } : {})}
              />
            ))}
          </div>
        ))}
      </div>
      <p class="hint">
        {state === "new"
          ? `Prices in ${currency || "the currency"}, such as ${amountExample(currency)}; 0 is free. A row that is left empty is none.`
          : "Once published, items and their units stay: a top-up adds units."}
      </p>
      {state === "new" && (
        <button class="button button-small" name="more" value="1" data-add-item>
          More rows
        </button>
      )}
    </fieldset>
  );
}

/** What a time is in UTC; the script keeps it up to date while one types. */
function UtcHint({ local, zone, more }: { local: string; zone: string; more?: Child }) {
  const iso = isZone(zone) ? instantOf(local, zone) : undefined;
  return (
    <>
      <output data-utc>{iso === undefined ? "" : `${iso.slice(0, 16).replace("T", " ")} UTC`}</output>
      <span data-more>{more}</span>
    </>
  );
}
