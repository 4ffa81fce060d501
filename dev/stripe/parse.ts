/** From a form to an endpoint's parameters, or to what Stripe says of the first one that is wrong. */
import type { z } from "zod";
import { decodeForm } from "./form.ts";
import { done, invalid, type Result } from "./result.ts";

/** @param form a request's body, or its query without the question mark */
export function parse<Schema extends z.ZodType>(schema: Schema, form: string): Result<z.output<Schema>> {
  const tree = decodeForm(form);
  if (tree === undefined) return invalid("Invalid request: the parameters are not a form with brackets.");
  const parsed = schema.safeParse(tree, { reportInput: true });
  if (parsed.success) return done(parsed.data);
  const [issue] = parsed.error.issues;
  return issue === undefined ? invalid("Invalid request.") : refusalOf(issue);
}

const bracketed = (path: readonly PropertyKey[]) =>
  path.map((name, depth) => (depth === 0 ? String(name) : `[${String(name)}]`)).join("");

function refusalOf(issue: z.core.$ZodIssue): ReturnType<typeof invalid> {
  const param = bracketed(issue.path);
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.map((key) => bracketed([...issue.path, key]));
    const message = `Received unknown parameter${names.length > 1 ? "s" : ""}: ${names.join(", ")}`;
    return invalid(message, { code: "parameter_unknown", param: names[0] ?? param });
  }
  if (issue.input === undefined)
    return invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });
  if (issue.input === "") {
    const message = `You passed an empty string for '${param}'. It cannot be unset: remove it or give it a value.`;
    return invalid(message, { code: "parameter_invalid_empty", param });
  }
  if (issue.code === "custom") {
    const code: unknown = issue.params?.code;
    return invalid(issue.message, { param, ...(typeof code === "string" ? { code } : {}) });
  }
  if (issue.code === "invalid_value") {
    // Only the lists of what may be expanded bring a message of their own.
    const message = issue.message.startsWith("This property")
      ? issue.message
      : `Invalid ${param}: must be one of ${issue.values.map(String).join(", ")}`;
    return invalid(message, { param });
  }
  return invalid(`Invalid ${param}: ${issue.message}`, { param });
}
