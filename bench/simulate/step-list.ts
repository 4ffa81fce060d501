/** Every step that a trouble can hit. */
export interface StepInfo {
  name: string;
  /** So often in each sale that it may be hit anywhere, and not only the first few times. */
  often?: true;
  /** Only where something is paid. */
  needs?: "payments";
}

const often = (...names: string[]): StepInfo[] => names.map((name) => ({ name, often: true }));
const rare = (...names: string[]): StepInfo[] => names.map((name) => ({ name }));
const paid = (...names: string[]): StepInfo[] => names.map((name) => ({ name, needs: "payments" }));

export const steps: StepInfo[] = [
  ...often("shop join", "shop enter", "shop pulse", "shop reserve"),
  ...rare("shop leave", "shop release", "shop checkout", "shop order", "shop create"),
  ...paid("shop read", "shop webhook", "mail send"),
  ...rare(
    ...[
      "mode",
      "pause",
      "resume",
      "close",
      "open_now",
      "release_size",
      "top_up",
      "update",
      "reconcile",
      "dry_run",
    ],
    ...["look", "rebuild", "refund", "approve"],
  ).map(({ name }) => ({ name: `shop operator ${name}` })),

  ...often("redis queue/join", "redis queue/enter", "redis queue/release", "redis reservation/reserve"),
  ...rare(
    ...[
      "redis queue/leave",
      "redis reservation/confirm",
      "redis reservation/expire",
      "redis reservation/release",
    ],
    ...[
      "redis sale/publish",
      "redis sale/restore",
      "redis sale/set-rule",
      "redis sale/redefine",
      "redis sale/top-up",
    ],
    ...["redis registration/return-slots", "redis reconciliation/adopt", "redis reconciliation/resend"],
    ...["redis reconciliation/cancel", "redis reconciliation/recount"],
    ...[
      "redis SET",
      "redis HGET",
      "redis HMGET",
      "redis HEXISTS",
      "redis HGETALL",
      "redis HSET",
      "redis HSCAN",
    ],
    ...[
      "redis XRANGE",
      "redis XREVRANGE",
      "redis XTRIM",
      "redis SADD",
      "redis SMEMBERS",
      "redis SREM",
      "redis UNLINK",
    ],
  ),
  ...paid("redis checkout/refund", "redis ZADD"),

  ...rare(
    ...["sql sync/cursor", "sql sync/apply", "sql sync/set-aside", "sql queue/remember"],
    ...[
      "sql sale/create",
      "sql sale/publishable",
      "sql sale/published",
      "sql sale/unpublished",
      "sql sale/missing",
    ],
    ...[
      "sql sale/rule",
      "sql sale/redefine",
      "sql sale/audit-top-up",
      "sql sale/stored",
      "sql sale/restorable",
    ],
    ...["sql sale/topped-up", "sql sale/rebuild-epoch", "sql sale/rebuild-cursor", "sql sale/audit-rebuild"],
    ...[
      "sql registration/slots",
      "sql reconciliation/begin",
      "sql reconciliation/begun",
      "sql reconciliation/take-run",
    ],
    ...["sql reconciliation/page", "sql reconciliation/stage-records", "sql reconciliation/next-ids"],
    ...["sql reconciliation/cases", "sql reconciliation/stored-units", "sql reconciliation/recorded"],
    ...["sql reconciliation/finish-run", "sql reconciliation/lease-back", "sql reconciliation/finding"],
    ...[
      "sql reconciliation/read-run",
      "sql reconciliation/findings",
      "sql settlement/closed",
      "sql settlement/report",
    ],
    ...[
      "sql settlement/settle",
      "sql settlement/settled",
      "sql settlement/cleared",
      "sql reconciliation/light-left",
    ],
  ),
  ...paid(
    ...[
      "sql checkout/take-events",
      "sql checkout/store-events",
      "sql checkout/event-done",
      "sql checkout/take-refunds",
    ],
    ...[
      "sql checkout/record-payment",
      "sql checkout/payment-of",
      "sql checkout/notice",
      "sql checkout/all-authorised",
    ],
    ...[
      "sql checkout/left-authorised",
      "sql checkout/refund-whole",
      "sql checkout/refund-done",
      "sql checkout/ask-refund",
    ],
    ...[
      "sql reconciliation/stage-intents",
      "sql reconciliation/stage-refunds",
      "sql mail/take",
      "sql mail/record",
    ],
    ...["sql mail/give-up"],
    ...[
      "stripe open session",
      "stripe read session",
      "stripe close session",
      "stripe capture",
      "stripe void",
    ],
    ...[
      "stripe read intent",
      "stripe list events",
      "stripe list intents",
      "stripe list refunds",
      "stripe list sessions",
    ],
    ...["stripe look for refund", "stripe refund", "stripe find session"],
  ),
];
