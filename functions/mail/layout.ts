/**
 * A message written twice from the same blocks, as plain text and as HTML, so that both say the same. The HTML is one
 * column without images, tables or anything fetched; it names no colours but those of its button (white on #1d4ed8, 6.7 : 1),
 * so that a reader's dark mode holds. Everything is escaped by the `html` template.
 */
import { html } from "hono/html";

export type Block =
  | { is: "paragraph"; text: string }
  /** Names and what they stand for, such as lines of an order. */
  | { is: "facts"; rows: [name: string, value: string][] }
  /** The one thing to do. */
  | { is: "button" | "link"; label: string; url: string };

export interface Content {
  title: string;
  blocks: Block[];
  /** Below a line, for what is not the message itself. */
  footer: Block[];
}

export const paragraph = (text: string): Block => ({ is: "paragraph", text });

export function textOf({ title, blocks, footer }: Content): string {
  const below = footer.length === 0 ? [] : ["-- ", ...footer.map(blockText)];
  return `${[title, ...blocks.map(blockText), ...below].join("\n\n")}\n`;
}

function blockText(block: Block): string {
  switch (block.is) {
    case "paragraph":
      return block.text;
    case "facts":
      return block.rows.map(([name, value]) => `${name}: ${value}`).join("\n");
    case "button":
    case "link":
      return `${block.label}:\n${block.url}`;
  }
}

const BUTTON =
  "display:inline-block;padding:0.75em 1.5em;border-radius:0.5em;background:#1d4ed8;color:#ffffff;font-weight:bold;text-decoration:none";

export async function htmlOf({ title, blocks, footer }: Content): Promise<string> {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          :root {
            color-scheme: light dark;
          }
        </style>
      </head>
      <body style="margin:0;padding:1.5em 1em;font:1rem/1.5 system-ui,sans-serif">
        <main style="max-width:36em;margin:0 auto">
          <h1 style="font-size:1.5em;line-height:1.25">${title}</h1>
          ${blocks.map(blockHtml)}${
            footer.length === 0
              ? ""
              : html`<hr />
                  <footer>${footer.map(blockHtml)}</footer>`
          }
        </main>
      </body>
    </html>`;
  return (await page).toString();
}

function blockHtml(block: Block): ReturnType<typeof html> {
  switch (block.is) {
    case "paragraph":
      return html`<p style="white-space:pre-line;overflow-wrap:anywhere">${block.text}</p>`;
    case "facts":
      return html`<dl>
        ${block.rows.map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd style="margin:0 0 0.5em;font-weight:bold">${value}</dd>`,
        )}
      </dl>`;
    case "button":
      return html`<p><a href="${block.url}" style="${BUTTON}">${block.label}</a></p>`;
    case "link":
      return html`<p><a href="${block.url}">${block.label}</a></p>`;
  }
}
