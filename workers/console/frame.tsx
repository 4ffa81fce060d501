/**
 * The frame of every page of the console: who is signed in, where one is, what became of the last action. No inline script
 * or style, like all our pages; all of it works without JavaScript, which only adds comfort.
 */
import type { Child } from "hono/jsx";
import type { Session } from "../../domain/api.ts";
import version from "../../dist/assets-version.js";
import type { Refused } from "../answer.ts";
import { Refusal } from "./refusal.tsx";

/** The address of a file of `static/assets` that browsers may keep for ever. */
const asset = (name: string) => `/v/${version}/${name}`;

export const salePath = (saleId: string, rest = "") => `/admin/sales/${saleId}${rest}`;

/** Pages of one sale, in the order of its tabs: the end of their path, and what they are called. */
const tabs = {
  "": "Live",
  "/records": "Orders and reservations",
  "/registrations": "Registrations",
  "/emails": "E-mails",
  "/reconciliation": "Reconciliation",
  "/report": "Report",
  "/checklist": "Checklist",
  "/edit": "Definition",
  "/audit": "Audit log",
} as const;
export type Tab = keyof typeof tabs;

const areas = { "/admin": "Sales", "/admin/audit": "Audit log" } as const;

export interface Frame {
  title: string;
  /** Nobody on the page for signing in. */
  who: Session | undefined;
  /** Which of the areas this is, where it belongs to no sale. */
  area?: keyof typeof areas;
  sale?: { id: string; name: string };
  tab?: Tab;
  /** What became of the last action: said once, after it was redirected here. */
  done?: string | undefined;
  refused?: Refused | undefined;
  /** The field of the page's form that a pointer of the refusal means, by its label. */
  fieldAt?: (pointer: string) => { pointer: string; label: string } | undefined;
  /** Comes again by itself, for browsers without JavaScript. */
  refresh?: { seconds: number; url: string };
  /** Scripts of `static/assets` beside console.js. */
  scripts?: string[];
  /** Style sheets of `static/assets` beside console.css. */
  styles?: string[];
  children: Child;
}

export function page(frame: Frame): string {
  const document = <Document {...frame} />;
  if (document instanceof Promise) throw new Error("pages are rendered without waiting for anything");
  return `<!doctype html>${document.toString()}`;
}

function Document(frame: Frame) {
  const { title, who, sale, done, refused, refresh, scripts = [], styles = [], children } = frame;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>{sale === undefined ? `${title} · Console` : `${title} · ${sale.name} · Console`}</title>
        {refresh !== undefined && (
          <meta http-equiv="refresh" content={`${refresh.seconds};url=${refresh.url}`} />
        )}
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={asset("console.css")} />
        {styles.map((name) => (
          <link rel="stylesheet" href={asset(name)} />
        ))}
        <script type="module" src={asset("console.js")}></script>
        {scripts.map((name) => (
          <script type="module" src={asset(name)}></script>
        ))}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <Top {...frame} />
        {sale !== undefined && <SaleHead {...frame} sale={sale} />}
        <main id="main">
          {who?.role === "viewer" && sale !== undefined && (
            <p class="note">You are signed in as a viewer: you see everything and change nothing.</p>
          )}
          {done !== undefined && (
            <p class="note note-good" role="status">
              {done}
            </p>
          )}
          {refused !== undefined && <Refusal refused={refused} fieldAt={frame.fieldAt} />}
          {children}
        </main>
      </body>
    </html>
  );
}

function Top({ who, area }: Frame) {
  return (
    <header class="top">
      <a class="brand" href="/admin">
        <span class="bolt" aria-hidden="true"></span>
        Console
      </a>
      {who !== undefined && (
        <>
          <nav aria-label="Console">
            {Object.entries(areas).map(([path, name]) => (
              <a href={path} aria-current={path === area ? "page" : undefined}>
                {name}
              </a>
            ))}
          </nav>
          <form class="who" method="post" action="/admin/sign-out">
            <span class="who-name" title={`${who.name}, ${who.role}`}>
              {who.name}
            </span>
            <button class="button button-small">Sign out</button>
          </form>
        </>
      )}
    </header>
  );
}

function SaleHead({ sale, tab, title }: Frame & { sale: { id: string; name: string } }) {
  return (
    <div class="sale-head">
      <p class="crumb">
        <a href="/admin">Sales</a>
      </p>
      <h1>
        {sale.name} <span class="id">{sale.id}</span>
      </h1>
      <nav class="tabs" aria-label={`${sale.name}: ${title}`}>
        {Object.entries(tabs).map(([end, name]) => (
          <a href={salePath(sale.id, end)} aria-current={end === tab ? "page" : undefined}>
            {name}
          </a>
        ))}
        <a href={`/sales/${sale.id}`}>Shop page</a>
      </nav>
    </div>
  );
}
