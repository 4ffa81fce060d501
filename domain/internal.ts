/** What the edge tells the functions Worker beside the request itself. Only the binding reaches it, so it is believed. */

/** The shopper this request is from; the edge removes whatever a client sent under this name. */
export const SHOPPER_HEADER = "x-shopper";
export const REQUEST_ID_HEADER = "x-request-id";
