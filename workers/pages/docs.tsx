/** The API's documentation: a library shows `/openapi.json`. All of it is ours to serve, so it works without the network. */
import version from "../../dist/assets-version.js";

const file = (name: string) => `/v/${version}/${name}`;

export function docsPage(): string {
  const document = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>API · Flash Sale</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={file("docs/swagger-ui.css")} />
        <script defer src={file("docs/swagger-ui-bundle.js")}></script>
        <script defer src={file("docs.js")}></script>
      </head>
      <body>
        <main id="docs">
          <p>
            The contract of the API is at <a href="/openapi.json">/openapi.json</a>. With JavaScript, it is
            shown here.
          </p>
        </main>
      </body>
    </html>
  );
  if (document instanceof Promise) throw new Error("pages are rendered without waiting for anything");
  return `<!doctype html>${document.toString()}`;
}
