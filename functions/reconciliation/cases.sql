-- What the three know of some reservations: Redis and Stripe as the run saw them, Postgres as it is.
--
-- $1 run  $2 sale  $3 ids
select wanted.id, snapshot.record,
       case when stored.id is not null then
         json_build_object('id', stored.id, 'shopper', stored.shopper, 'number', stored.number, 'state', stored.state,
                           'lines', stored.lines, 'total', stored.total, 'returnTo', stored.return_to,
                           'intent', stored.intent, 'isOrder', orders.id is not null,
                           'slotUntilMs', round(extract(epoch from stored.slot_until) * 1000),
                           'heldAtMs', round(extract(epoch from stored.held_at) * 1000),
                           'expiresAtMs', round(extract(epoch from stored.expires_at) * 1000),
                           'changedAtMs', round(extract(epoch from stored.changed_at) * 1000)) end as stored,
       (select coalesce(json_agg(json_build_object('intent', intent, 'state', state, 'amount', amount,
                                                   'currency', currency,
                                                   'changedAtMs', round(extract(epoch from changed_at) * 1000))), '[]')
          from payments where payments.sale_id = $2 and payments.reservation_id = wanted.id) as payments,
       (select coalesce(json_agg(json_build_object('id', refunds.id, 'intent', refunds.intent, 'amount', refunds.amount,
                                                   'state', refunds.state, 'stripeRefund', stripe_refund,
                                                   'returnsStock', returns_stock,
                                                   'askedAtMs', round(extract(epoch from asked_at) * 1000))), '[]')
          from payments join refunds using (intent)
         where payments.sale_id = $2 and payments.reservation_id = wanted.id) as refunds,
       (select coalesce(json_agg(json_build_object('id', intent, 'state', state, 'amount', amount, 'currency', currency,
                                                   'createdAtMs', round(extract(epoch from created_at) * 1000))
                                 order by intent), '[]')
          from snapshot_intents as at_stripe
         where at_stripe.run_id = $1 and at_stripe.reservation_id = wanted.id) as intents,
       (select coalesce(json_agg(json_build_object('id', stripe_refund, 'refund', given.refund, 'intent', given.intent,
                                                   'amount', given.amount, 'state', given.state)
                                 order by stripe_refund), '[]')
          from snapshot_intents as at_stripe join snapshot_refunds as given using (run_id, intent)
         where at_stripe.run_id = $1 and at_stripe.reservation_id = wanted.id) as given
  from unnest($3::uuid[]) as wanted (id)
       left join snapshot_records as snapshot on snapshot.run_id = $1 and snapshot.id = wanted.id
       left join reservations as stored on stored.sale_id = $2 and stored.id = wanted.id
       left join orders on orders.sale_id = $2 and orders.id = wanted.id
