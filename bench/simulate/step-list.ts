/** Every step that a trouble can hit, by how often it comes: troubles are planned by it. */
export interface StepInfo {
  name: string;
  /** In a sale: again and again, a few times, not at all in most of them, or in one of dozens; or where people register. */
  comes: "often" | "few" | "seldom" | "rare" | "registering";
}

const list = (store: string, comes: StepInfo["comes"], ...names: string[]): StepInfo[] =>
  names.map((name) => ({ name: `${store} ${name}`, comes }));

export const steps: StepInfo[] = [
  ...list("shop", "often", "join", "enter", "pulse", "reserve"),
  ...list("shop", "few", "create", "leave", "release", "checkout", "read", "order", "webhook"),
  ...list("shop", "registering", "register", "confirm", "mine", "cancel"),
  ...list("shop operator", "rare", "import", "export", "numbers", "retry"),
  ...list("shop operator", "seldom", "mode", "pause", "resume", "open_now", "close", "release_size"),
  ...list("shop operator", "seldom", "top_up", "update", "look", "refund", "remedy_limit"),
  ...list("shop operator", "seldom", "reconcile", "dry_run", "rebuild"),
  ...list("shop operator", "rare", "approve"),

  ...list("redis", "often", "queue/join", "queue/enter", "queue/release", "reservation/reserve"),
  ...list("redis", "few", "queue/leave", "reservation/confirm", "reservation/expire", "reservation/release"),
  ...list("redis", "few", "sale/publish", "sale/set-rule", "sale/redefine"),
  ...list("redis", "registering", "registration/admit", "registration/return-slots"),
  ...list("redis", "seldom", "sale/top-up", "sale/restore", "reconciliation/adopt", "reconciliation/resend"),
  ...list("redis", "rare", "checkout/refund", "reconciliation/cancel", "reconciliation/recount"),
  ...list("redis", "few", "SET", "HGET", "HMGET", "HEXISTS", "HGETALL", "HSET", "HSCAN", "XRANGE"),
  ...list("redis", "few", "XREVRANGE", "XTRIM", "SADD", "SMEMBERS", "SREM", "UNLINK"),
  ...list("redis", "seldom", "HVALS", "INFO"),
  ...list("redis", "rare", "ZADD"),

  ...list("sql", "few", "sync/cursor", "sync/apply", "queue/remember"),
  ...list("sql", "seldom", "sync/set-aside"),
  ...list("sql", "few", "sale/create", "sale/publishable", "sale/published", "sale/unpublished", "sale/rule"),
  ...list("sql", "seldom", "sale/missing"),
  ...list("sql", "seldom", "sale/redefine", "sale/audit-top-up", "sale/topped-up", "sale/stored"),
  ...list("sql", "seldom", "sale/restorable", "sale/rebuild-epoch", "sale/rebuild-cursor"),
  ...list("sql", "seldom", "sale/audit-rebuild"),
  ...list(
    "sql",
    "few",
    "registration/with-slots",
    "registration/forget-asked",
    "registration/forget-addresses",
  ),
  ...list("sql", "registering", "registration/ask", "registration/confirm", "registration/mine"),
  ...list("sql", "registering", "registration/cancel", "registration/slots", "registration/open-draw"),
  ...list("sql", "registering", "registration/waiting", "registration/decide"),
  ...list("sql", "rare", "registration/returned", "registration/invite", "registration/export"),
  ...list("sql", "rare", "registration/numbers", "mail/numbers", "mail/list-emails", "mail/retry"),
  ...list("sql", "few", "checkout/store-events", "checkout/take-events", "checkout/event-done"),
  ...list("sql", "few", "checkout/record-payment", "checkout/payment-of", "checkout/all-authorised"),
  ...list("sql", "few", "checkout/notice", "checkout/take-refunds"),
  ...list("sql", "seldom", "checkout/left-authorised", "checkout/ask-refund", "checkout/refund-done"),
  ...list("sql", "rare", "checkout/refund-whole", "checkout/is-order"),
  ...list("sql", "few", "mail/take", "mail/record", "mail/give-up"),
  ...list("sql", "few", "reconciliation/begin", "reconciliation/begun", "reconciliation/take-run"),
  ...list(
    "sql",
    "few",
    "reconciliation/page",
    "reconciliation/stage-records",
    "reconciliation/stage-intents",
  ),
  ...list("sql", "few", "reconciliation/stage-refunds", "reconciliation/next-ids", "reconciliation/cases"),
  ...list(
    "sql",
    "few",
    "reconciliation/stored-units",
    "reconciliation/recorded",
    "reconciliation/finish-run",
  ),
  ...list("sql", "few", "reconciliation/lease-back", "reconciliation/light-left"),
  ...list("sql", "seldom", "reconciliation/finding", "reconciliation/read-run", "reconciliation/findings"),
  ...list(
    "sql",
    "seldom",
    "reconciliation/remedy-limit",
    "reconciliation/unstage",
    "reconciliation/light-run",
  ),
  ...list("sql", "rare", "reconciliation/waiting", "reconciliation/approve", "reconciliation/approved"),
  ...list("sql", "rare", "reconciliation/latest-orders", "reconciliation/ask-again"),
  ...list("sql", "few", "reconciliation/analyze"),
  ...list("sql", "registering", "reconciliation/stored-slots"),
  ...list("sql", "rare", "reconciliation/free-stored-slots"),
  ...list("sql", "few", "settlement/closed", "settlement/report", "settlement/settle", "settlement/settled"),
  ...list("sql", "few", "settlement/cleared"),

  ...list("stripe", "few", "open session", "read session", "close session", "capture"),
  ...list("stripe", "few", "list events", "list intents", "list refunds"),
  ...list("stripe", "seldom", "void", "read intent", "list sessions", "refund", "look for refund"),
  ...list("stripe", "rare", "find session"),

  ...list("mail", "few", "send"),
];
