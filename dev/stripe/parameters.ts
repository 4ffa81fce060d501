/**
 * The parameters of each endpoint. Guarantee: a parameter that is not listed here is refused like an unknown one.
 * Accepted: that includes real parameters this double does not simulate, because ignoring
 * one would let code pass that the real API treats differently.
 */
import { z } from "zod";
import { amountStep, currencies } from "./currency.ts";

/** Stripe's: 8 digits, whatever the currency. */
export const amountMax = 99_999_999;

const text = (charsMax: number) => z.string().min(1).max(charsMax);

/** @param fault message and code, given the text */
const refined = (
  holds: (value: string) => boolean,
  fault: (value: string) => [message: string, code: string],
) =>
  text(5000).superRefine((value, context) => {
    if (holds(value)) return;
    const [message, code] = fault(value);
    context.addIssue({ code: "custom", message, params: { code } });
  });

const integer = (min: number, max: number) =>
  refined(
    (value) => /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max,
    (value) => [`Invalid integer: ${value}`, "parameter_invalid_integer"],
  ).transform(Number);

const seconds = integer(0, Number.MAX_SAFE_INTEGER);

/** Whether a URL is one that a browser may be sent to. */
const isWebUrl = (value: string) => /^https?:$/.test(URL.parse(value)?.protocol ?? "");
const url = refined(isWebUrl, () => ["Not a valid URL", "url_invalid"]);

const email = refined(
  (value) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value),
  (value) => [`Invalid email address: ${value}`, "email_invalid"],
);

const currency = z
  .string()
  .min(1)
  .transform((code) => code.toLowerCase())
  .refine((code) => currencies.has(code), {
    error: ({ input }) =>
      `Invalid currency: ${String(input)}. Stripe currently supports these currencies: ${[...currencies].join(", ")}`,
  });

/** `x[0]=…&x[1]=…`, in order. */
const listOf = <Item extends z.ZodType>(item: Item, itemsMax = 100) =>
  z.preprocess(
    (tree) =>
      typeof tree === "object" && tree !== null && Object.keys(tree).every((key) => /^\d+$/.test(key))
        ? Object.values(tree)
        : tree,
    z.array(item).min(1).max(itemsMax),
  );

/** An empty value unsets a key. */
const metadata = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((data) => Object.keys(data).length <= 50, "Metadata can have up to 50 keys")
  .transform((data) => Object.fromEntries(Object.entries(data).filter(([, value]) => value !== "")));

const expand = (...paths: [string, ...string[]]) =>
  listOf(
    z.enum(paths, { error: ({ input }) => `This property cannot be expanded (${String(input)}).` }),
  ).optional();
const expandListed = (...paths: [string, ...string[]]) =>
  expand(...(paths.map((path) => `data.${path}`) as [string, ...string[]]));

const sessionExpand = ["line_items", "payment_intent", "payment_intent.latest_charge"] as const;
const refundExpand = ["charge", "payment_intent", "payment_intent.latest_charge"] as const;

const locales =
  "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW";

const priceData = z
  .strictObject({
    currency,
    unit_amount: integer(0, amountMax),
    product_data: z.strictObject({
      name: text(5000),
      description: text(5000).optional(),
      images: listOf(url, 8).optional(),
      metadata: metadata.optional(),
    }),
  })
  .superRefine(({ currency, unit_amount }, context) => {
    const step = amountStep(currency);
    if (unit_amount % step === 0) return;
    const message = `Invalid amount in ${currency}: it must be a multiple of ${step}`;
    context.addIssue({ code: "custom", path: ["unit_amount"], message });
  });

/** Without `payment_method_types`: API versions since 2026-09-30.endive refuse it. */
export const sessionCreate = z.strictObject({
  allowed_payment_method_types: listOf(z.enum(["card"])).optional(),
  mode: z.enum(["payment"]),
  line_items: listOf(z.strictObject({ price_data: priceData, quantity: integer(1, 999_999) })),
  success_url: url,
  cancel_url: url.optional(),
  client_reference_id: text(200).optional(),
  customer_email: email.optional(),
  expires_at: seconds.optional(),
  locale: z.enum(locales.split(" ")).optional(),
  metadata: metadata.optional(),
  payment_intent_data: z
    .strictObject({
      capture_method: z.enum(["automatic", "automatic_async", "manual"]).optional(),
      description: text(1000).optional(),
      metadata: metadata.optional(),
    })
    .optional(),
  submit_type: z.enum(["auto", "book", "donate", "pay", "subscribe"]).optional(),
  ui_mode: z.enum(["hosted_page"]).optional(),
  expand: expand(...sessionExpand),
});
export type SessionCreate = z.output<typeof sessionCreate>;

export const sessionRead = z.strictObject({ expand: expand(...sessionExpand) });

const range = z.strictObject({
  gt: seconds.optional(),
  gte: seconds.optional(),
  lt: seconds.optional(),
  lte: seconds.optional(),
});
const paging = {
  limit: integer(1, 100).optional(),
  starting_after: text(500).optional(),
  created: z.union([seconds, range]).optional(),
};
export type Paging = z.output<z.ZodObject<typeof paging>>;

export const sessionList = z.strictObject({
  payment_intent: text(500).optional(),
  status: z.enum(["complete", "expired", "open"]).optional(),
  ...paging,
  expand: expandListed(...sessionExpand),
});

export const intentRead = z.strictObject({ expand: expand("latest_charge") });
export const intentList = z.strictObject({ ...paging, expand: expandListed("latest_charge") });
export const intentCapture = z.strictObject({
  amount_to_capture: integer(1, amountMax).optional(),
  expand: expand("latest_charge"),
});
export const intentCancel = z.strictObject({
  cancellation_reason: z.enum(["abandoned", "duplicate", "fraudulent", "requested_by_customer"]).optional(),
  expand: expand("latest_charge"),
});

export const refundCreate = z.strictObject({
  payment_intent: text(500),
  amount: integer(1, amountMax).optional(),
  reason: z.enum(["duplicate", "fraudulent", "requested_by_customer"]).optional(),
  metadata: metadata.optional(),
  expand: expand(...refundExpand),
});
export type RefundCreate = z.output<typeof refundCreate>;
export const refundRead = z.strictObject({ expand: expand(...refundExpand) });
export const refundList = z.strictObject({
  payment_intent: text(500).optional(),
  ...paging,
  expand: expandListed(...refundExpand),
});

/** Events have nothing to expand. */
const nothingToExpand = { expand: z.never().optional() };
export const eventRead = z.strictObject(nothingToExpand);
export const eventList = z.strictObject({
  type: text(100).optional(),
  types: listOf(text(100), 20).optional(),
  delivery_success: z.enum(["true", "false"]).optional(),
  ...paging,
  ...nothingToExpand,
});
