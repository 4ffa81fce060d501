/**
 * The operator's console at /admin: pages rendered here, made of the operator's API alone. A form that was accepted answers
 * 303 to the page that shows what became of it (`?done=…`), one that was refused the same page again, with the refusal and
 * the values as they were sent.
 */
import { Hono } from "hono";
import { act } from "./act.tsx";
import { audit } from "./audit.tsx";
import { checklist } from "./checklist.tsx";
import type { ConsoleContext, Ctx } from "./context.ts";
import { define } from "./define.tsx";
import { emails } from "./emails.tsx";
import { page } from "./frame.tsx";
import { live, liveData } from "./live.tsx";
import { reconciliation } from "./reconciliation.tsx";
import { records } from "./records.tsx";
import { registrations } from "./registrations.tsx";
import { report } from "./report.tsx";
import { sales } from "./sales.tsx";
import { signedIn, signIn } from "./sign-in.tsx";

export const operatorConsole = new Hono<ConsoleContext>();

operatorConsole.route("/", signIn);
operatorConsole.route("/", liveData);
operatorConsole.use("*", signedIn);
operatorConsole.route("/", sales);
operatorConsole.route("/", define);
operatorConsole.route("/", checklist);
operatorConsole.route("/", audit);
operatorConsole.route("/", live);
operatorConsole.route("/", act);
operatorConsole.route("/", records);
operatorConsole.route("/", registrations);
operatorConsole.route("/", emails);
operatorConsole.route("/", reconciliation);
operatorConsole.route("/", report);

operatorConsole.get("*", (c: Ctx) =>
  c.html(
    page({
      title: "Not found",
      who: c.var.who,
      children: (
        <>
          <h1>There is nothing here</h1>
          <p>
            <a href="/admin">All sales</a>
          </p>
        </>
      ),
    }),
    404,
  ),
);
