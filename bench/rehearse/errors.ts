/** What a person can put right: shown as it is, without a stack. */
export class RehearsalError extends Error {
  override name = "RehearsalError";
}
