/**
 * What the Workers tell each other beside requests and answers. Only the binding reaches the functions, so they believe it.
 */

/** The shopper this request is from; the edge removes whatever a client sent under this name. */
export const SHOPPER_HEADER = "x-shopper";
/** Who the same person is by a confirmed address, and by an account of the shop, where that was shown. */
export const REGISTERED_HEADER = "x-registered";
export const ACCOUNT_HEADER = "x-account";
/** "failed" when a bot check was made and not passed. */
export const BOT_CHECK_HEADER = "x-bot-check";
/** The epoch in force, by which the edge knows older tickets and passes; it does not leave the edge. */
export const EPOCH_HEADER = "x-epoch";
/** What Cloudflare Access says of who is behind a request: a JWT, which the functions verify. */
export const ACCESS_HEADER = "cf-access-jwt-assertion";
/** What the edge says of itself for the checklist: `EdgeState` as JSON. */
export const EDGE_HEADER = "x-edge";
export interface EdgeState {
  /** `half`: a secret, and no key for the page. */
  botCheck: "on" | "off" | "half";
  /** Whether what is cached of a sale can be purged. */
  purge: "works" | "fails" | "none";
  /** A keyed hash of the keys it goes by. */
  keys: string;
}
export const REQUEST_ID_HEADER = "x-request-id";
/** W3C Trace Context. */
export const TRACE_HEADER = "traceparent";
/** The word of a refusal, for the edge's log; it does not leave the edge. */
export const REFUSED_HEADER = "x-refused";
/** What `Retry-After` says, in milliseconds: for the edge's limiter; it does not leave the edge. */
export const RETRY_HEADER = "x-retry-ms";
/** How often the edge has answered 429 and 5xx about the sale of this call, since it last said so: `429=3,5xx=1`. */
export const TURNED_AWAY_HEADER = "x-turned-away";
