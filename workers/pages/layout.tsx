/**
 * The frame of every page. Nothing in it depends on who asks: no nonce, no inline script or style, no third party, so
 * that a cached page is good for everybody and the content security policy can be strict.
 */
import type { Child } from "hono/jsx";
import version from "../../dist/assets-version.js";

/** What the shop is called; the look is in the first lines of `static/assets/shop.css`. */
const SHOP_NAME = "Flash Sale";

/** The address of a file of `static/assets` that browsers may keep for ever: with another content it has another one. */
const asset = (name: string) => `/v/${version}/${name}`;

interface Frame {
  title: string;
  description?: string;
  /** Personal pages only: ask again by themselves, for browsers without JavaScript. */
  refresh?: { seconds: number; url: string };
  /** A path on this host that a browser should fetch early. */
  image?: string | undefined;
  children: Child;
}

function Document({ title, description, refresh, image, children }: Frame) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title === SHOP_NAME ? title : `${title} · ${SHOP_NAME}`}</title>
        {description !== undefined && description !== "" && <meta name="description" content={description} />}
        {refresh !== undefined && (
          <meta http-equiv="refresh" content={`${refresh.seconds};url=${refresh.url}`} />
        )}
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={asset("shop.css")} />
        {image !== undefined && <link rel="preload" as="image" href={image} />}
        <script type="module" src={asset("shop.js")}></script>
        <link rel="modulepreload" href={asset("session.js")} />
        <link rel="modulepreload" href={asset("view.js")} />
        <link rel="modulepreload" href={asset("api.js")} />
        <link rel="modulepreload" href={asset("format.js")} />
        <link rel="modulepreload" href={asset("line.js")} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="top">
          <a class="brand" href="/">
            <span class="bolt" aria-hidden="true"></span>
            {SHOP_NAME}
          </a>
        </header>
        <main id="main">{children}</main>
        <footer class="foot">
          <ul>
            <li>
              <b>One place each.</b> The line goes by its numbers. Nobody passes anybody.
            </li>
            <li>
              <b>Your place is kept.</b> Reload, sleep, come back: the number stays yours.
            </li>
            <li>
              <b>Held means held.</b> What you reserve is yours until the timer ends.
            </li>
          </ul>
        </footer>
      </body>
    </html>
  );
}

export function page(frame: Frame): string {
  const document = <Document {...frame} />;
  if (document instanceof Promise) throw new Error("pages are rendered without waiting for anything");
  return `<!doctype html>${document.toString()}`;
}
