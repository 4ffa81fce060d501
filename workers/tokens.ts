/**
 * The keys of the tokens, per isolate: imported once, and what they have verified is remembered, because a shopper shows
 * the same token again and again. Only good tokens are: garbage cannot push them out. Whether a token has ended is looked at
 * by who asks, each time.
 */
import { tokenKeys, type Claims, type ClaimsOf, type TokenKeys, type TokenKind } from "../domain/token.ts";

const TOKENS_MAX = 20_000;

let made: { secrets: string; keys: TokenKeys } | undefined;

/** @param env of the Worker */
export function keysOf({ TOKEN_KEYS: secrets }: { TOKEN_KEYS: string }): TokenKeys {
  if (made?.secrets !== secrets) made = { secrets, keys: remembering(tokenKeys(secrets), TOKENS_MAX) };
  return made.keys;
}

export function remembering(keys: TokenKeys, tokensMax: number): TokenKeys {
  const good = new Map<string, Claims>();
  return {
    sign: keys.sign,
    async verify<Kind extends TokenKind>(kind: Kind, token: string): Promise<ClaimsOf<Kind> | undefined> {
      const before = good.get(token);
      if (before !== undefined) return isOf(kind, before) ? before : undefined;
      const claims = await keys.verify(kind, token);
      if (claims === undefined) return undefined;
      good.set(token, claims);
      if (good.size > tokensMax) good.delete(good.keys().next().value ?? "");
      return claims;
    },
  };
}

const isOf = <Kind extends TokenKind>(kind: Kind, claims: Claims): claims is ClaimsOf<Kind> =>
  claims.kind === kind;
