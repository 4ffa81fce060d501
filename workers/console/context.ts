/** What the console's middleware puts beside a request. */
import type { Context } from "hono";
import type { Session } from "../../domain/api.ts";
import type { EdgeContext } from "../env.ts";

export interface ConsoleContext {
  Bindings: EdgeContext["Bindings"];
  Variables: EdgeContext["Variables"] & {
    /** Who is signed in; not there on the page for signing in. */
    who: Session;
  };
}

export type Ctx = Context<ConsoleContext>;
