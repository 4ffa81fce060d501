/**
 * Requests nobody foresaw: methods, paths, headers, bodies and tokens, half of them nearly right, because what is wholly wrong
 * is turned away at once. Made from a seed by fast-check, so that a run can be repeated.
 */
import fc from "fast-check";

export interface FuzzedRequest {
  method: string;
  /** As it is sent, tidy or not. */
  path: string;
  headers: [string, string][];
  body: Buffer | undefined;
}

/** What is real in a shop: ids and tokens that would be let through. */
export interface Known {
  sale: string;
  /** An item of it. */
  sku: string;
  /** Another sale, which an operator opens and closes as they like. */
  operated: string;
  /** The operator's token. */
  operator: string;
  reservationId: string;
  ticket: string;
  pass: string;
  /** Of a shopper, as a cookie has it. */
  shopper: string;
}

const METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "PURGE"];

/** A character of a request line or a header that a client's parser lets out: no blank, no control. */
const ascii = fc.integer({ min: 0x21, max: 0x7e });
const visible = fc
  .oneof({ weight: 30, arbitrary: ascii }, fc.integer({ min: 0xa0, max: 0xff }))
  .map((code) => String.fromCharCode(code));
const visibleText = fc.string({ unit: visible, maxLength: 60 });
const headerText = fc.oneof(
  visibleText,
  visibleText.map((text) => `${text} ${text}`),
  fc.constant("x".repeat(5_000)),
);

/** A text with a character more, less or changed somewhere, or as it was. */
const nearly = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(
      text,
      fc.nat(1_000),
      fc.oneof(visible, fc.constantFrom("", "/", "//", "/../", "%2e", "%2F", "%00", "%zz", "?", ";")),
      fc.integer({ min: 0, max: 8 }),
    )
    .map(([whole, at, what, kind]) => {
      if (kind < 6) return whole;
      const place = whole.length === 0 ? 0 : at % whole.length;
      if (kind === 6) return whole.slice(0, place) + what + whole.slice(place + 1);
      if (kind === 7) return whole.slice(0, place) + what + whole.slice(place);
      return whole.slice(0, place) + whole.slice(place).replace(/[a-z]/g, (letter) => letter.toUpperCase());
    });

export function anyRequest({
  sale,
  reservationId,
  ticket,
  pass,
  shopper,
}: Known): fc.Arbitrary<FuzzedRequest> {
  const id = fc.oneof(
    fc.constant(reservationId),
    fc.uuid(),
    visibleText.map((text) => text.replace(/[/?#\\]/g, "")),
  );
  const saleId = fc.oneof(
    { weight: 12, arbitrary: fc.constant(sale) },
    fc.constantFrom("none", "NONE", "-", "%20"),
    visibleText.map((text) => text.replace(/[/?#\\]/g, "")),
  );
  const known = fc
    .tuple(saleId, id)
    .chain(([s, r]) =>
      fc.constantFrom(
        ...[
          "",
          "/pulse",
          "/queue",
          "/queue",
          "/entry",
          "/registrations",
          "/registrations/confirm",
          "/reservations",
          "/reservations",
        ].map((end) => `/api/sales/${s}${end}`),
        ...["", "/checkout"].map((end) => `/api/sales/${s}/reservations/${r}${end}`),
        `/api/sales/${s}/orders/${r}`,
        ...[
          "",
          "/visit",
          "/visit/join",
          "/visit/leave",
          "/visit/reserve",
          "/visit/checkout",
          "/visit/give-back",
          "/visit/register",
          "/confirm",
          "/draw",
        ].map((end) => `/sales/${s}${end}`),
        "/",
        "/api/sales",
        "/api/admin/sales",
        "/api/admin/metrics",
        `/api/admin/sales/${s}/mode`,
        "/webhooks/stripe",
        "/openapi.json",
        "/healthz",
        "/favicon.svg",
        "/assets/shop.js",
        "/_headers",
      ),
    );
  const query = fc.oneof(
    { weight: 3, arbitrary: fc.constant("") },
    visibleText.map((text) => `?${text}`),
    fc.constantFrom("?number=1", "?number=-1e9", "?token=x", "?"),
  );
  const path = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(nearly(known), query).map(([start, end]) => start + end) },
    visibleText.map((text) => `/${text}`),
    fc.constant(`/${"a/".repeat(3_000)}`),
  );

  const token = nearly(
    fc.oneof(fc.constantFrom(ticket, pass, shopper), visibleText, fc.constant(`${"a".repeat(900)}.b.c`)),
  );
  const name = fc.constantFrom(
    `__Host-ticket-${sale}`,
    `__Host-pass-${sale}`,
    `__Host-registered-${sale}`,
    `__Host-reservation-${sale}`,
    "__Host-shopper",
    "x",
  );
  const cookie = fc
    .array(fc.tuple(name, token), { maxLength: 4 })
    .map((all) => all.map(([n, value]) => `${n}=${value}`).join("; "));
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), visibleText);
  const header = fc.oneof(
    {
      weight: 4,
      arbitrary: token.map((value): [string, string] => ["authorization", `Bearer ${value}`]),
    },
    headerText.map((value): [string, string] => ["authorization", value]),
    { weight: 3, arbitrary: cookie.map((value): [string, string] => ["cookie", value]) },
    { weight: 4, arbitrary: fc.constant<[string, string]>(["content-type", "application/json"]) },
    fc
      .constantFrom(
        "application/json",
        "application/json; charset=x",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
      )
      .map((value): [string, string] => ["content-type", value]),
    fc
      .oneof(visibleText, fc.constantFrom("null", "https://evil.example", "http://["))
      .map((value): [string, string] => ["origin", value]),
    fc.tuple(
      fc.constantFrom(
        "x-shopper",
        "x-account",
        "x-registered",
        "x-epoch",
        "x-request-id",
        "x-retry-ms",
        "x-refused",
        "traceparent",
        "cf-ray",
        "if-none-match",
        "if-modified-since",
        "range",
        "accept",
        "accept-encoding",
        "accept-language",
        "sec-fetch-site",
        "stripe-signature",
        "access-control-request-method",
        "x-http-method-override",
        "x-forwarded-host",
        "x-forwarded-proto",
      ),
      headerText,
    ),
  );
  const quantity = fc.oneof(fc.constantFrom(1, 0, -1, 1.5, 101, 1e21, "1", null), fc.double());
  const sensible = fc.oneof(
    fc.record({
      reservationId: id,
      lines: fc.array(fc.record({ sku: fc.constantFrom("shoe", "hat", "__proto__", ""), quantity }), {
        maxLength: 25,
      }),
    }),
    fc.record({ email: fc.oneof(fc.emailAddress(), visibleText) }),
    fc.record({ token }),
    fc.record({ botCheck: fc.oneof(visibleText, fc.constant(1)) }),
    fc.constant({}),
  );
  const body = fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 4, arbitrary: sensible.map((value) => Buffer.from(JSON.stringify(value))) },
    fc.json().map((text) => Buffer.from(text)),
    nearly(fc.constant(`{"reservationId":"${reservationId}","lines":[{"sku":"shoe","quantity":1}]}`)).map(
      (text) => Buffer.from(text),
    ),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom("reservationId=x&quantity.shoe=1", "email=a%40b.example", "token=x", "x=%zz&=&&")
      .map((text) => Buffer.from(text)),
    fc.constant(Buffer.alloc(20_000, "{")),
    fc.constant(Buffer.from("[".repeat(15_000))),
  );
  return fc.record({
    method: fc.oneof({ weight: 3, arbitrary: fc.constantFrom("GET", "POST") }, fc.constantFrom(...METHODS)),
    path,
    headers: fc
      .tuple(
        address.map((value): [string, string] => ["cf-connecting-ip", value]),
        fc.array(header, { maxLength: 4 }),
      )
      .map(([first, rest]) => [first, ...rest]),
    body,
  });
}
