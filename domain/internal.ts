/**
 * What the Workers tell each other beside requests and answers. Only the binding reaches the functions, so they believe it.
 */

/** The shopper this request is from; the edge removes whatever a client sent under this name. */
export const SHOPPER_HEADER = "x-shopper";
export const REQUEST_ID_HEADER = "x-request-id";
/** The word of a refusal, for the edge's log; it does not leave the edge. */
export const REFUSED_HEADER = "x-refused";
