/**
 * The files of the API's documentation, from the library that shows it (swagger-ui-dist), for our own static build. Pictures
 * inside its style sheet become files, because the content security policy allows none that are part of a text.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const library = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const SCRIPT = "swagger-ui-bundle.js";
const HASH_CHARS = 8;

/** @returns name → content */
export async function docsFiles(): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  // Without the address of a source map that is not served.
  const script = await readFile(path.join(library, SCRIPT), "utf8");
  files.set(SCRIPT, Buffer.from(script.replace(/\n?\/\/# sourceMappingURL=.*$/m, "")));
  for (const name of [`${SCRIPT}.LICENSE.txt`, "LICENSE", "NOTICE"])
    files.set(name.endsWith(".txt") ? name : `${name}.txt`, await readFile(path.join(library, name)));

  const css = await readFile(path.join(library, "swagger-ui.css"), "utf8");
  const picture = /url\((?:"(data:(?:[^"\\]|\\.)*)"|(data:[^)]*))\)/g;
  const styled = css.replace(picture, (_, quoted: string | undefined, bare: string | undefined) => {
    const [name, content] = fileOf((quoted ?? bare ?? "").replaceAll('\\"', '"'));
    files.set(name, content);
    return `url(${name})`;
  });
  files.set("swagger-ui.css", Buffer.from(styled.replace(/\n?\/\*# sourceMappingURL=.*?\*\//, "")));
  return files;
}

/** @param address `data:type[;…][;base64],content` */
function fileOf(address: string): [name: string, content: Buffer] {
  const comma = address.indexOf(",");
  const [head, said] = [address.slice("data:".length, comma), address.slice(comma + 1)];
  const content = head.endsWith(";base64")
    ? Buffer.from(said, "base64")
    : Buffer.from(decodeURIComponent(said.replace(/%(?![0-9a-f]{2})/gi, "%25")));
  const kind = /^image\/(\w+)/.exec(head)?.[1];
  if (kind === undefined) throw new Error(`a picture of an unknown kind: ${head}`);
  const hash = createHash("sha256").update(content).digest("hex").slice(0, HASH_CHARS);
  return [`${hash}.${kind === "jpeg" ? "jpg" : kind}`, content];
}
