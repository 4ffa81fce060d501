/**
 * What is rehearsed: a sale from a file, or the built-in one. A file is a sale as the operator would create it; its
 * times are moved to now, and what a rehearsal cannot do (log in: identities), or was not asked to (register: slots), is left
 * out, each with a line that says so. The file is checked by the schema of the API before anything is started.
 */
import { readFile } from "node:fs/promises";
import { parse as parseYaml } from "yaml";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { RehearsalError } from "./errors.ts";
import type { RegistrationDraft } from "./registration-window.ts";

/** A valid sale whose times are still to be set. */
export interface SaleDraft {
  sale: Omit<Sale, "opensAt" | "closesAt">;
  opensInSeconds: number;
  /** From opening to closing. */
  openForSeconds: number;
  /** What was changed for the rehearsal, one line each. */
  notes: string[];
  /** As the file has them; without registration nobody holds one. */
  slots?: { count: number; allocation: "first_come" | "draw"; claimSeconds: number | undefined } | undefined;
  /** Before it opens; `opensInSeconds` counts from its end then. */
  registration?: RegistrationDraft | undefined;
}

export interface DraftOptions {
  /** People register, so that slots are kept. */
  registers?: boolean;
  /** Wins over what the file says. */
  openInSeconds?: number | undefined;
  timeoutSeconds: number;
  /** So many come that answers may take long here: passes and holds last longer then. */
  isCrowdLarge?: boolean;
}

export const OPENS_IN_SECONDS = 8;
/** So that a moment in base 36, a second suffix, and hyphens fit into the 64 characters of an id. */
const STEM_MAX_CHARS = 52;

/** The built-in sale: one item, one each. @param price minor units; 0 is free */
export function builtInSale(stock: number, price: number, options: DraftOptions): SaleDraft {
  return draft(
    {
      id: "rehearsal",
      name: "Rehearsal",
      currency: "EUR",
      items: [{ sku: "unit", name: "Unit", stock, price, limit: 1 }],
    },
    "the built-in sale",
    options,
  );
}

/** @throws RehearsalError when the file is not there, not JSON or YAML, or not a sale */
export async function saleFromFile(path: string, options: DraftOptions): Promise<SaleDraft> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new RehearsalError(
      reason === "ENOENT"
        ? `There is no sale file at ${path}.`
        : `The sale file ${path} cannot be read: ${reason}.`,
    );
  }
  return saleFromText(text, path, options);
}

/** @param name of the file, for messages */
export function saleFromText(text: string, name: string, options: DraftOptions): SaleDraft {
  let raw: unknown;
  try {
    // JSON is YAML too, so one parser reads both.
    raw = parseYaml(text);
  } catch (error) {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new RehearsalError(`${name} is neither JSON nor YAML: ${line.replace(/:$/, "")}`);
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw new RehearsalError(
      `${name} is not a sale: a mapping with id, name, currency and items is expected.`,
    );
  return draft({ ...raw }, name, options);
}

/** The sale with its times set and an id no earlier rehearsal has used. */
export function schedule(
  { sale, opensInSeconds, openForSeconds, registration }: SaleDraft,
  atMs: number,
): Sale {
  const decidedAfterSeconds =
    registration === undefined ? 0 : registration.seconds + registration.decidesInSeconds;
  const opensAtMs = atMs + (decidedAfterSeconds + opensInSeconds) * 1000;
  const suffix = Math.floor(atMs).toString(36);
  const stem = sale.id.slice(0, STEM_MAX_CHARS).replace(/-+$/, "");
  return {
    ...sale,
    id: `${stem}-${suffix}`,
    opensAt: new Date(opensAtMs).toISOString(),
    closesAt: new Date(opensAtMs + openForSeconds * 1000).toISOString(),
    ...(registration === undefined ? {} : registering(registration, atMs, opensAtMs)),
  };
}

/** A machine whose clock is behind ours takes registrations from the beginning too. */
const CLOCKS_APART_MS = 60_000;

const registering = ({ seconds, slots }: RegistrationDraft, atMs: number, opensAtMs: number) => ({
  registrationOpensAt: new Date(atMs - CLOCKS_APART_MS).toISOString(),
  registrationClosesAt: new Date(atMs + seconds * 1000).toISOString(),
  slots: {
    count: slots.count,
    allocation: slots.allocation,
    claimUntil: new Date(opensAtMs + slots.claimSeconds * 1000).toISOString(),
  },
});

function draft(raw: Record<string, unknown>, name: string, options: DraftOptions): SaleDraft {
  const notes: string[] = [];
  const opens = relativeSeconds(raw["opensAt"]);
  const closes = relativeSeconds(raw["closesAt"]);
  const opensInSeconds = options.openInSeconds ?? opens ?? OPENS_IN_SECONDS;
  const openForSeconds =
    closes ??
    absoluteSpanSeconds(raw["opensAt"], raw["closesAt"]) ??
    Math.max(600, options.timeoutSeconds + 60);

  // Placeholders stand for times the rehearsal sets; a time that is written out is still checked by the schema.
  const epoch = new Date(0).toISOString();
  const times = {
    opensAt: opens === undefined ? (raw["opensAt"] ?? epoch) : epoch,
    closesAt:
      closes === undefined && raw["closesAt"] !== undefined
        ? raw["closesAt"]
        : new Date(
            Date.parse(isTime(raw["opensAt"]) ? raw["opensAt"] : epoch) + openForSeconds * 1000,
          ).toISOString(),
  };
  const { slots, registrationOpensAt, registrationClosesAt, ...rest } = raw;
  // Without a written opening there is nothing these times could be held against.
  const isWritten = isTime(raw["opensAt"]);
  const fields = isWritten ? raw : rest;
  const relativeSlots =
    isWritten || !isMapping(slots) ? {} : { slots: { ...slots, claimUntil: times.closesAt } };
  const parsed = saleSchema.safeParse({
    ...rehearsalDefaults(raw, options.isCrowdLarge === true),
    ...fields,
    ...relativeSlots,
    ...times,
  });
  if (!parsed.success) {
    const lines = parsed.error.issues.flatMap(({ code, path, message, ...issue }) =>
      code === "unrecognized_keys" && "keys" in issue && Array.isArray(issue.keys)
        ? issue.keys.map((key) => `  ${pointer([...path, key])}: unknown field`)
        : [`  ${pointer(path)}: ${message}`],
    );
    throw new RehearsalError(`${name} is not a valid sale:\n${lines.join("\n")}`);
  }

  const { opensAt, closesAt, slots: given, ...sale } = parsed.data;
  delete sale.registrationOpensAt;
  delete sale.registrationClosesAt;
  if (isTime(raw["opensAt"]))
    notes.push(`times moved to now: it opens in ${opensInSeconds} s, not at ${opensAt} (until ${closesAt})`);
  const isRegistered =
    slots !== undefined || registrationOpensAt !== undefined || registrationClosesAt !== undefined;
  if (isRegistered && options.registers !== true)
    notes.push(
      "registration and slots left out: everybody comes to the line (--registered has people register)",
    );
  if (sale.identity !== "anyone") notes.push(`identity "${sale.identity}" set to "anyone"`);
  return {
    sale: { ...sale, identity: "anyone" },
    opensInSeconds,
    openForSeconds,
    notes,
    ...(given === undefined
      ? {}
      : {
          slots: {
            count: given.count,
            allocation: given.allocation,
            claimSeconds: isMapping(slots) ? relativeSeconds(slots["claimUntil"]) : undefined,
          },
        }),
  };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Short enough to watch a whole sale; a real one gives people more time. */
function rehearsalDefaults(raw: Record<string, unknown>, isCrowdLarge: boolean) {
  const items: unknown[] = Array.isArray(raw["items"]) ? raw["items"] : [];
  const stock = items.reduce<number>((sum, item) => {
    const count = typeof item === "object" && item !== null && "stock" in item ? item.stock : 0;
    return sum + (typeof count === "number" && count > 0 ? count : 0);
  }, 0);
  return {
    releaseSize: Math.min(10_000, Math.max(25, Math.ceil(stock / 2))),
    releaseEverySeconds: 5,
    capacity: Math.min(100_000, Math.max(50, Math.ceil(stock))),
    passSeconds: isCrowdLarge ? 60 : 20,
    holdSeconds: isCrowdLarge ? 45 : 15,
  };
}

/** "+90s", "+5m" or "+1h": for `opensAt` from now, for `closesAt` from opening. */
function relativeSeconds(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const [, amount, unit] = /^\+(\d+(?:\.\d+)?)\s*([smh])$/.exec(value.trim()) ?? [];
  if (amount === undefined) return undefined;
  return Number(amount) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
}

const isTime = (value: unknown): value is string =>
  typeof value === "string" && /^\d{4}-/.test(value) && !Number.isNaN(Date.parse(value));

function absoluteSpanSeconds(opensAt: unknown, closesAt: unknown): number | undefined {
  if (!isTime(opensAt) || !isTime(closesAt)) return undefined;
  return Math.max(1, (Date.parse(closesAt) - Date.parse(opensAt)) / 1000);
}

/** RFC 6901. */
const pointer = (path: readonly PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("") || "/";
