/** E-mail addresses: which are taken, which are the same person, and the id by which all other stores know them. */
import { disposableEmailBlocklistSet } from "disposable-email-domains-js";
import { registrationInputSchema } from "../../domain/api.ts";
import { knownShopper } from "../../domain/token.ts";

/** As the contract has it; addresses of a list come in past it. */
const emailSchema = registrationInputSchema.shape.email;

/** Made once: the library's own question makes it anew each time, of thousands of names. */
let throwAwayDomains: Set<string> | undefined;

/**
 * What is wrong with an address, for the person who typed it; undefined for one that is taken. Addresses of services whose
 * mailboxes anybody can open for ten minutes are not: with them one person is many.
 */
export function wrongWith(email: string): string | undefined {
  if (!emailSchema.safeParse(email).success) return "not an e-mail address";
  throwAwayDomains ??= disposableEmailBlocklistSet();
  return throwAwayDomains.has(partsOf(email).at(-1) ?? "")
    ? "an address that lasts, please: this one is of a throw-away service"
    : undefined;
}

/** The shopper's id of an address in one sale: an HMAC, the same for every spelling of the address. */
export const shopperOfAddress = (secret: string, saleId: string, email: string): Promise<string> =>
  knownShopper(secret, `address ${saleId} ${normalised(email)}`);

const partsOf = (email: string) => email.trim().toLowerCase().split("@");

/** The same address in other spellings is the same person: case does not count, nor does what follows a plus. */
function normalised(email: string): string {
  const [local = "", domain = ""] = partsOf(email);
  return `${local.replace(/\+.*$/, "")}@${domain}`;
}
