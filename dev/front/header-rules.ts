/**
 * Cloudflare's `_headers` file, the simple part: a path with at most `*` wildcards, then indented `Name: value` lines,
 * or `! Name` to take a field away. Rules apply in order; a field set by two rules is joined with a comma.
 * Left out: `:placeholders` and rules for full URLs.
 */
export interface HeaderRule {
  path: RegExp;
  set: { name: string; value: string }[];
  remove: string[];
}

const literal = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");

/** @throws Error naming the line that is no path, no field and no comment */
export function parseHeaderRules(text: string): HeaderRule[] {
  const rules: HeaderRule[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const rule = rules.at(-1);
    const colon = content.indexOf(":");
    if (content.startsWith("/")) {
      const path = new RegExp(`^${content.split("*").map(literal).join(".*")}$`);
      rules.push({ path, set: [], remove: [] });
    } else if (rule && content.startsWith("!")) {
      rule.remove.push(content.slice(1).trim().toLowerCase());
    } else if (rule && colon > 0) {
      const name = content.slice(0, colon).trim().toLowerCase();
      rule.set.push({ name, value: content.slice(colon + 1).trim() });
    } else {
      throw new Error(`_headers, line ${index + 1}: neither a path nor a header`);
    }
  }
  return rules;
}

/** The fields the rules give to a path, by lower-case name; `undefined` where one takes a default away. */
export function headersFor(rules: readonly HeaderRule[], path: string): Record<string, string | undefined> {
  const fields: Record<string, string | undefined> = {};
  for (const rule of rules) {
    if (!rule.path.test(path)) continue;
    for (const name of rule.remove) fields[name] = undefined;
    for (const { name, value } of rule.set) {
      const before = fields[name];
      fields[name] = before === undefined ? value : `${before}, ${value}`;
    }
  }
  return fields;
}
