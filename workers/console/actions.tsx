/**
 * What an operator can do to a sale from its pages: what each will do, said with the figures of now, the call of the API
 * behind it, and where it leads. One table; act.tsx asks, does it and goes on.
 */
import type { Child } from "hono/jsx";
import type { Discrepancy, Live, StoredReservation } from "../../domain/api.ts";
import { amountOf, amountText, moneyText } from "../../domain/currency.ts";
import { modes, type Mode } from "../../domain/mode.ts";
import type { Sale } from "../../domain/sale.ts";
import { many, unitsOf } from "../../static/assets/figures.js";
import type { ApiCall } from "../env.ts";
import type { Refused } from "../answer.ts";
import { Field } from "./confirm.tsx";
import type { Tab } from "./frame.tsx";
import { fieldId } from "./refusal.tsx";

/** What a confirm page is made of. */
export interface Seen {
  sale: Sale;
  /** Undefined where there are no figures now. */
  live: Live | undefined;
  /** What the link or the form said. */
  said: (name: string) => string;
  /** The discrepancy and the order it names, as the API knows them: a link may claim anything. */
  discrepancy?: Discrepancy | undefined;
  order?: StoredReservation | undefined;
  refused: Refused | undefined;
}

export interface Action {
  title: string;
  button: string;
  /** It cannot be taken back. */
  isFinal?: true;
  tab: Tab;
  /** Parameters that go from the link through the form. */
  passesOn?: string[];
  /** The form mints an id, so that sending it twice does it once. */
  mints?: true;
  takesNoReason?: true;
  text: (seen: Seen) => Child;
  fields?: (seen: Seen) => Child;
  /** Its path is not one of the sale's. */
  isOfTheShop?: true;
  /** `path` behind the sale's, and the body beside `reason`. */
  call: (seen: Seen) => { path: string; body: Record<string, unknown> };
  /** Where it leads, behind the path of the sale; the tab, where it does not say. */
  leadsTo?: (seen: Seen) => string;
  done: string;
}

/** Who waits and who is inside, if that is known. */
const People = ({ live }: Seen) =>
  live === undefined ? (
    <></>
  ) : (
    <p>
      Now {many(live.line.waiting, "person waits", "people wait")} in line,{" "}
      {many(live.line.inside, "is inside", "are inside")}, {many(live.line.holds, "reservation")} held.
    </p>
  );

const modeMeans: Record<Mode, string> = {
  normal: "People come in by the release size, the room inside and the stock.",
  hold: "Nobody is let in; who is inside goes on.",
  drain: "Nobody new joins and nobody is let in; who is inside finishes.",
  reject: "No joins, entries or new reservations; those there are can still be completed.",
  passthrough: "Everybody may come in: no size, no room and no stock holds anybody back.",
};

const itemOf = ({ sale, live, said }: Seen) => ({
  name: sale.items.find(({ sku }) => sku === said("sku"))?.name ?? said("sku"),
  counts: live?.items.find(({ sku }) => sku === said("sku")),
});

/** What was captured for an order and not given back, or about to be. */
export function leftOf({ payments, refunds }: StoredReservation): number {
  const captured = payments.filter(({ state }) => state === "captured").map(({ amount }) => amount);
  const given = refunds.filter(({ state }) => state !== "failed").map(({ amount }) => -amount);
  return [...captured, ...given].reduce((sum, amount) => sum + amount, 0);
}

const numberIn = (text: string): number | string => (/^\d{1,15}$/.test(text.trim()) ? Number(text) : text);

export const actions = {
  pause: {
    title: "Pause the sale",
    button: "Pause",
    tab: "",
    text: (seen) => (
      <>
        <p>
          From now on nobody is let in. Who waits keeps their place, who is inside may go on and buy. Resuming
          brings the mode of now back; ticks in between are not made up for.
        </p>
        <People {...seen} />
      </>
    ),
    call: () => ({ path: "/pause", body: {} }),
    done: "Paused: nobody is let in.",
  },
  resume: {
    title: "Resume the sale",
    button: "Resume",
    tab: "",
    text: (seen) => (
      <>
        <p>The line moves again, in the mode it had before the pause.</p>
        <People {...seen} />
      </>
    ),
    call: () => ({ path: "/resume", body: {} }),
    done: "Resumed: the line moves from the next tick.",
  },
  mode: {
    title: "Change the mode",
    button: "Change the mode",
    tab: "",
    text: (seen) => (
      <>
        {seen.live !== undefined && (
          <p>
            The mode is <strong>{seen.live.mode}</strong> now. Another one counts from the next tick.
          </p>
        )}
        <dl class="facts">
          {modes.map((mode) => (
            <>
              <dt>{mode}</dt>
              <dd>{modeMeans[mode]}</dd>
            </>
          ))}
        </dl>
        <People {...seen} />
      </>
    ),
    fields: ({ said, refused }) => (
      <Field label="Mode" pointer="/mode" refused={refused}>
        <select name="mode" id={fieldId("/mode")}>
          {modes.map((mode) => (
            <option value={mode} selected={mode === said("mode")}>
              {mode}
            </option>
          ))}
        </select>
      </Field>
    ),
    call: ({ said }) => ({ path: "/mode", body: { mode: said("mode") } }),
    done: "The mode is changed.",
  },
  "release-size": {
    title: "Change the release size",
    button: "Change the size",
    tab: "",
    text: (seen) => (
      <>
        {seen.live !== undefined && (
          <p>
            Now at most {many(seen.live.release.size, "person comes", "people come")} in every{" "}
            {seen.live.release.everySeconds} s; the last release let {seen.live.release.last} in. The new size
            counts from the next tick; the room inside and the stock bound it all the same.
          </p>
        )}
        <People {...seen} />
      </>
    ),
    fields: ({ said, refused }) => (
      <Field label="People at each release, at most" pointer="/releaseSize" refused={refused}>
        <input
          type="number"
          name="releaseSize"
          id={fieldId("/releaseSize")}
          min={1}
          required
          value={said("releaseSize")}
        />
      </Field>
    ),
    call: ({ said }) => ({ path: "/release-size", body: { releaseSize: numberIn(said("releaseSize")) } }),
    done: "The release size is changed.",
  },
  "top-up": {
    title: "Add units",
    button: "Add them",
    isFinal: true,
    tab: "",
    passesOn: ["sku"],
    mints: true,
    text: (seen) => {
      const { name, counts } = itemOf(seen);
      return (
        <>
          <p>
            Units are added to <strong>{name}</strong> at once, for those in line. They cannot be taken out
            again. A sale that was sold out sells again.
          </p>
          {counts !== undefined && (
            <p>
              Now its stock is {counts.stock.toLocaleString("en")}: {counts.available.toLocaleString("en")}{" "}
              left, {counts.held.toLocaleString("en")} reserved, {counts.confirmed.toLocaleString("en")} sold.
            </p>
          )}
        </>
      );
    },
    fields: ({ said, refused }) => (
      <Field label="Units to add" pointer="/units" refused={refused}>
        <input type="number" name="units" id={fieldId("/units")} min={1} required value={said("units")} />
      </Field>
    ),
    call: ({ said }) => ({
      path: "/top-up",
      body: { topUpId: said("id"), sku: said("sku"), units: numberIn(said("units")) },
    }),
    done: "The units are added.",
  },
  open: {
    title: "Open the sale now",
    button: "Open now",
    isFinal: true,
    tab: "",
    text: (seen) => (
      <>
        <p>
          The sale opens at once, before its time, and the line begins to move. It cannot be closed again
          without ending it; it can be paused.
        </p>
        <People {...seen} />
      </>
    ),
    call: () => ({ path: "/open", body: {} }),
    done: "The sale is open.",
  },
  close: {
    title: "Close the sale",
    button: "Close the sale",
    isFinal: true,
    tab: "",
    text: (seen) => (
      <>
        <p>
          The sale ends now and for good: everybody in line is told that it is over, and slots end with it.
          Reservations there are can be completed until they end.
        </p>
        <People {...seen} />
        {seen.live !== undefined && (
          <p>
            {unitsOf(seen.live.items, "confirmed").toLocaleString("en")} of{" "}
            {many(unitsOf(seen.live.items, "stock"), "unit")} sold.
          </p>
        )}
      </>
    ),
    call: () => ({ path: "/close", body: {} }),
    done: "The sale is closed.",
  },
  reconcile: {
    title: "Reconcile: a dry run",
    button: "Look",
    tab: "/reconciliation",
    mints: true,
    takesNoReason: true,
    text: () => (
      <p>
        Redis, Postgres and Stripe are held against each other. Nothing is changed: what differs is shown with
        its evidence and the remedy. A large sale takes some minutes.
      </p>
    ),
    call: ({ said }) => ({ path: "/reconciliations", body: { runId: said("id"), apply: false } }),
    leadsTo: ({ said }) => `/reconciliation/${said("id")}`,
    done: "The run has begun.",
  },
  repair: {
    title: "Reconcile and repair",
    button: "Repair",
    isFinal: true,
    tab: "/reconciliation",
    mints: true,
    takesNoReason: true,
    text: () => (
      <p>
        Everything is looked at anew, and what still differs is repaired. What gives back more than the sale's
        remedy limit waits for an approval.
      </p>
    ),
    call: ({ said }) => ({ path: "/reconciliations", body: { runId: said("id"), apply: true } }),
    leadsTo: ({ said }) => `/reconciliation/${said("id")}`,
    done: "The run has begun.",
  },
  continue: {
    title: "Go on with this run",
    button: "Go on",
    tab: "/reconciliation",
    passesOn: ["id", "apply"],
    takesNoReason: true,
    text: () => <p>The run goes on where it stands. It also does so by itself each minute.</p>,
    call: ({ said }) => ({
      path: "/reconciliations",
      body: { runId: said("id"), apply: said("apply") === "yes" },
    }),
    leadsTo: ({ said }) => `/reconciliation/${said("id")}`,
    done: "The run went on.",
  },
  approve: {
    title: "Approve a remedy",
    button: "Approve",
    isFinal: true,
    tab: "/reconciliation",
    passesOn: ["discrepancy", "run"],
    takesNoReason: true,
    text: ({ discrepancy, sale }) =>
      discrepancy === undefined ? (
        <p>What this is about cannot be read now.</p>
      ) : (
        <>
          <p>It is judged anew, and its remedy is done if it is still due.</p>
          <dl class="facts">
            <dt>Discrepancy</dt>
            <dd>
              {discrepancy.kind} <code>{discrepancy.subject}</code>
            </dd>
            <dt>Remedy</dt>
            <dd>{discrepancy.remedy ?? "none"}</dd>
            <dt>Gives back</dt>
            <dd>{moneyText(discrepancy.amount, sale.currency)}</dd>
          </dl>
        </>
      ),
    call: ({ said }) => ({
      path: `/discrepancies/${encodeURIComponent(said("discrepancy"))}/approve`,
      body: {},
    }),
    leadsTo: ({ said }) => `/reconciliation/${said("run")}`,
    done: "Approved: what became of it is in its row.",
  },
  "remedy-limit": {
    title: "Set the remedy limit",
    button: "Set the limit",
    tab: "/reconciliation",
    text: () => <p>A remedy that gives back more money than this waits for an approval.</p>,
    fields: ({ sale, said, refused }) => (
      <Field label={`Limit in ${sale.currency}`} pointer="/amount" refused={refused}>
        <input
          name="amount"
          id={fieldId("/amount")}
          inputmode="decimal"
          required
          value={said("amount")}
          placeholder={amountText(50_000, sale.currency)}
        />
      </Field>
    ),
    call: ({ sale, said }) => ({
      path: "/remedy-limit",
      body: { amount: amountOf(said("amount"), sale.currency) ?? "" },
    }),
    done: "The remedy limit is set.",
  },
  rebuild: {
    title: "Rebuild the sale in Redis",
    button: "Rebuild",
    isFinal: true,
    tab: "",
    takesNoReason: true,
    text: () => (
      <p>
        For a Redis that has lost the sale: stock, reservations and orders come back from Postgres under a new
        epoch, and people in line join again by themselves, at their old numbers. While Redis still knows the
        sale this is refused and changes nothing.
      </p>
    ),
    call: () => ({ path: "/rebuild", body: {} }),
    done: "Rebuilt: the sale is in Redis again.",
  },
  refund: {
    title: "Refund an order",
    button: "Refund",
    isFinal: true,
    tab: "/records",
    passesOn: ["order"],
    mints: true,
    text: ({ sale, said, order }) => (
      <>
        <p>
          Money goes back to the buyer of order <code>{said("order")}</code>, and cannot be called back.
        </p>
        {order !== undefined && (
          <p>
            Of {moneyText(order.total, sale.currency)} paid, {moneyText(leftOf(order), sale.currency)} is
            left.
          </p>
        )}
      </>
    ),
    fields: ({ sale, said, refused }) => (
      <>
        <Field
          label={`Amount in ${sale.currency}`}
          pointer="/amount"
          hint="empty: all that is left"
          refused={refused}
        >
          <input name="amount" id={fieldId("/amount")} inputmode="decimal" value={said("amount")} />
        </Field>
        <p>
          <label>
            <input type="checkbox" name="returnStock" value="yes" checked={said("returnStock") === "yes"} />{" "}
            Its units go back into the sale (only with the whole amount)
          </label>
        </p>
      </>
    ),
    call: ({ sale, said }) => ({
      path: `/orders/${encodeURIComponent(said("order"))}/refunds`,
      body: {
        refundId: said("id"),
        ...(said("amount").trim() === "" ? {} : { amount: amountOf(said("amount"), sale.currency) ?? "" }),
        returnStock: said("returnStock") === "yes",
      },
    }),
    leadsTo: ({ said }) => `/records/${said("order")}`,
    done: "The refund is asked for.",
  },
  "retry-email": {
    title: "Send an e-mail once more",
    button: "Send it",
    tab: "/emails",
    isOfTheShop: true,
    passesOn: ["email", "failure"],
    takesNoReason: true,
    text: ({ said }) => (
      <p>
        {said("failure") === "unknown"
          ? "Nobody knows whether it was sent: whoever it is to may get it twice."
          : "It is tried again now. Put right what the platform named before."}
      </p>
    ),
    call: ({ said }) => ({ path: `/emails/${encodeURIComponent(said("email"))}/retry`, body: {} }),
    done: "It is due again.",
  },
} satisfies Record<string, Action>;

export type ActionName = keyof typeof actions;

export const actionNamed = (name: string): Action | undefined =>
  Object.hasOwn(actions, name) ? actions[name as ActionName] : undefined;

/** What to say after an action, by its name in the address; undefined for anything else that stands there. */
export const doneOf = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : actionNamed(name)?.done;

/** The call behind an action, with its reason. */
export function callOf(action: Action, seen: Seen): ApiCall {
  const { path, body } = action.call(seen);
  const base = action.isOfTheShop === true ? "/api/admin" : `/api/admin/sales/${seen.sale.id}`;
  const reason = action.takesNoReason === true ? {} : { reason: seen.said("reason") };
  return { method: "POST", path: base + path, body: { ...body, ...reason } };
}
