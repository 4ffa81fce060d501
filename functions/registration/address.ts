/** E-mail addresses: which are taken, which are the same person, and the id by which all other stores know them. */
import { isDisposableEmail } from "disposable-email-domains-js";
import { registrationInputSchema } from "../../domain/api.ts";
import { knownShopper } from "../../domain/token.ts";

/** As the contract has it; addresses of a list come in past it. */
const emailSchema = registrationInputSchema.shape.email;

/**
 * What is wrong with an address, for the person who typed it; undefined for one that is taken. Addresses of services whose
 * mailboxes anybody can open for ten minutes are not: with them one person is many.
 */
export function wrongWith(email: string): string | undefined {
  if (!emailSchema.safeParse(email).success) return "not an e-mail address";
  return isDisposableEmail(email)
    ? "an address that lasts, please: this one is of a throw-away service"
    : undefined;
}

/** The shopper's id of an address in one sale: an HMAC, the same for every spelling of the address. */
export const shopperOfAddress = (secret: string, saleId: string, email: string): Promise<string> =>
  knownShopper(secret, `address ${saleId} ${normalised(email)}`);

/** The same address in other spellings is the same person: case does not count, nor does what follows a plus. */
function normalised(email: string): string {
  const [local = "", domain = ""] = email.trim().toLowerCase().split("@");
  return `${local.replace(/\+.*$/, "")}@${domain}`;
}
