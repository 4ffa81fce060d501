/**
 * The frame of every page. Nothing in it depends on who asks: no nonce, no inline script or style, no third party, so
 * that a cached page is good for everybody and the content security policy can be strict.
 */
import type { Child } from "hono/jsx";
import version from "../../dist/assets-version.js";
import { homePath } from "./paths.ts";
import type { Speech } from "./speech.ts";

/** What the shop is called; the look is in the first lines of `static/assets/shop.css`. */
const SHOP_NAME = "Flash Sale";

/** The address of a file of `static/assets` that browsers may keep for ever: with another content it has another one. */
const asset = (name: string) => `/v/${version}/${name}`;

interface Frame {
  say: Speech;
  title: string;
  /** Where this page is, without the prefix of its language: there it is in the others too. */
  path: string;
  description?: string;
  /** A path on this host that a browser should fetch early. */
  image?: string | undefined;
  children: Child;
}

/** What the script needs on the way to an order: all of it, so that the opening second asks for no file. */
const modules = [
  "session.js",
  "view.js",
  "api.js",
  "format.js",
  "line.js",
  "say.js",
  "draw.js",
  "bot-check.js",
];

function Document({ say, title, path, description, image, children }: Frame) {
  const { m } = say;
  // Of an e-mail's link there is nothing to be found by others.
  const isLink = path.includes("?");
  const pathIn = (prefix: string) => (prefix !== "" && path === "/" ? prefix : `${prefix}${path}`);
  return (
    <html lang={m.language} dir={m.direction}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title === SHOP_NAME ? title : `${title} · ${SHOP_NAME}`}</title>
        {description !== undefined && description !== "" && <meta name="description" content={description} />}
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={asset("shop.css")} />
        {image !== undefined && <link rel="preload" as="image" href={image} />}
        <script type="module" src={asset("shop.js")}></script>
        {[...modules, `messages/${m.language}.js`].map((name) => (
          <link rel="modulepreload" href={asset(name)} />
        ))}
        {!isLink &&
          say.all.map(({ language, prefix }) => (
            <link rel="alternate" hreflang={language} href={pathIn(prefix)} />
          ))}
        {!isLink && <link rel="alternate" hreflang="x-default" href={path} />}
      </head>
      <body>
        <a class="skip" href="#main">
          {m.skip}
        </a>
        <header class="top">
          <a class="brand" href={homePath(say)}>
            <span class="bolt" aria-hidden="true"></span>
            {SHOP_NAME}
          </a>
          <nav class="languages" aria-label={m.languages}>
            {say.all
              .filter(({ language }) => language !== m.language)
              .map(({ language, name, prefix }) => (
                <a href={pathIn(prefix)} hreflang={language} lang={language}>
                  {name}
                </a>
              ))}
          </nav>
        </header>
        <main id="main">{children}</main>
        <footer class="foot">
          <ul>
            {m.promises.map(([what, more]) => (
              <li>
                <b>{what}</b> {more}
              </li>
            ))}
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
