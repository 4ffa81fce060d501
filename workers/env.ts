/** What the edge Worker is given, and what its middleware puts beside a request. */

export interface Env {
  /** The functions Worker; the only way to it. */
  FUNCTIONS: Fetcher;
  /** "id:secret[,id:secret]", the same as the functions Worker's. */
  TOKEN_KEYS: string;
}

/** A call of the JSON API on behalf of the shopper behind the current request: same identity, same limits. */
export interface ApiCall {
  method: "GET" | "POST" | "DELETE";
  /** Such as `/api/sales/spring/queue`. */
  path: string;
  body?: unknown;
}

export interface EdgeContext {
  Bindings: Env;
  Variables: {
    /** The shopper's id: from the token or cookie, else minted for this request. */
    shopper: string;
    api: (call: ApiCall) => Promise<Response>;
  };
}
