/**
 * What a ticket or pass says, for display only: its signature is not looked at here. The API verifies it before
 * anything depends on it; who forges their own cookie sees their own forgery.
 */
type Claims = Partial<Record<"number" | "joinedAtMs" | "expiresAtMs" | "epoch", number>> & {
  lobby?: boolean;
};

/** The last instant a `Date` can hold; above it, turning a time into text throws. */
const NUMBER_MAX = 8.64e15;

export function shownClaims(token: string | undefined): Claims {
  const [payload = ""] = token?.split(".") ?? [];
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof claims !== "object" || claims === null) return {};
    const numbers = Object.entries(claims).filter(
      ([, value]) => typeof value === "number" && value >= 0 && value <= NUMBER_MAX,
    );
    return { ...Object.fromEntries(numbers), lobby: "lobby" in claims && claims.lobby === true };
  } catch {
    return {};
  }
}
