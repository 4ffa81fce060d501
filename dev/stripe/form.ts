/**
 * Forms with nested brackets, as Stripe's clients send them: `line_items[0][price_data][currency]=eur`, `expand[]=x`.
 * The result is a tree of objects without prototype; which of them are lists, the schema of the endpoint knows
 * (parameters.ts), because `metadata[0]=x` is none.
 */

export interface FormTree {
  [name: string]: string | FormTree;
}

const pairsMax = 2_000;
const depthMax = 8;

/** @returns undefined if it is no such form: a stray bracket, a value where there are already parts, too deep, too long */
export function decodeForm(text: string): FormTree | undefined {
  const root = emptyTree();
  const pairs = [...new URLSearchParams(text)];
  if (pairs.length > pairsMax) return undefined;
  for (const [key, value] of pairs) {
    const names = split(key);
    const last = names?.pop();
    if (names === undefined || last === undefined) return undefined;
    let tree = root;
    for (const name of names) {
      const inner = (tree[position(tree, name)] ??= emptyTree());
      if (typeof inner === "string") return undefined;
      tree = inner;
    }
    const name = position(tree, last);
    if (typeof tree[name] === "object") return undefined;
    tree[name] = value;
  }
  return root;
}

function split(key: string): string[] | undefined {
  const parts = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(key);
  if (parts === null) return undefined;
  const [, first = "", brackets = ""] = parts;
  const names = [first, ...[...brackets.matchAll(/\[([^[\]]*)\]/g)].map(([, name = ""]) => name)];
  return names.length > depthMax ? undefined : names;
}

/** `[]` is the next place of a list. */
const position = (tree: FormTree, name: string) => (name === "" ? String(Object.keys(tree).length) : name);

/** Without prototype, so that `__proto__` is a name like any other. */
const emptyTree = () => Object.create(null) as FormTree;
