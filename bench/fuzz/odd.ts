/** What nobody should send and somebody does: texts, numbers and JSON that parsers have stumbled over. */
import fc from "fast-check";

export const oddText = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    "\0",
    "a\0b",
    // Halves of a pair of surrogates: no Unicode text, and yet JSON can say them.
    "\ud800",
    "a\udfffb",
    "\u202eevil",
    "\ufeff",
    "e\u0301",
    "𝕊",
    "İ",
    "\uffff",
    "__proto__",
    "constructor",
    "toString",
    "../..",
    "%00",
    "%zz",
    "'; drop table sales; --",
    "$1",
    "${7*7}",
    "=1+1",
    "<script>",
    "\r\nSet-Cookie: a=b",
    "NaN",
    "Infinity",
    "-0",
    "1e309",
    "0x10",
    "2026-02-30T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "+275760-09-13T00:00:00Z",
    "00000000-0000-0000-0000-000000000000",
    "x".repeat(70),
    "x".repeat(600),
    "ä".repeat(5_000),
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
);

export const oddNumber = fc.constantFrom(
  ...[0, -0, 1, -1, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 2 ** 63, 1e21, Number.MAX_VALUE, Number.MIN_VALUE],
);

export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  oddNumber,
  fc.constantFrom(null, true, false, [], {}, [[]], { length: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A text of JSON made worse: as only text can be, past every serialiser. */
export const worse = (json: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...[
      (text: string) => text.replace("{", '{"__proto__":{"isOperator":true},'),
      (text: string) => text.replace("{", '{"constructor":{"prototype":{}},'),
      // Each field twice: the first time as nothing.
      (text: string) => text.replace(/"(\w+)":/, '"$1":null,"$1":'),
      (text: string) => text.replace(/:\d+/, ":1e999"),
      (text: string) => text.replace(/:\d+/, ":NaN"),
      (text: string) => text.replace(/:\d+/, ":-0"),
      (text: string) => text.replace(/:\d+/, ":123456789012345678901234567890"),
      (text: string) => text.replace(/:[^,}]+/, `:${"[".repeat(6_000)}${"]".repeat(6_000)}`),
      (text: string) => text.replace(/:[^,}]+/, `:${'{"a":'.repeat(2_500)}1${"}".repeat(2_500)}`),
      (text: string) => `\ufeff${text}`,
      (text: string) => `${text},`,
      (text: string) => `${text}${text}`,
      (text: string) => text.slice(0, -1),
      (text: string) => text.replace('"', "'"),
      (text: string) => `[${text}]`,
    ].map((change) => change(json)),
  );
