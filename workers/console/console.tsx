/**
 * The operator's console at /admin: pages rendered here, made of the operator's API alone. A form that was accepted answers
 * 303 to the page that shows what became of it (`?done=…`), one that was refused the same page again, with the refusal and
 * the values as they were sent.
 */
import { Hono } from "hono";
import type { ConsoleContext } from "./context.ts";
import { page } from "./frame.tsx";
import { audit } from "./audit.tsx";
import { define } from "./define.tsx";
import { sales } from "./sales.tsx";
import { signedIn, signIn } from "./sign-in.tsx";

export const operatorConsole = new Hono<ConsoleContext>();

operatorConsole.route("/", signIn);
operatorConsole.use("*", signedIn);
operatorConsole.route("/", sales);
operatorConsole.route("/", define);
operatorConsole.route("/", audit);

operatorConsole.get("*", (c) =>
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
