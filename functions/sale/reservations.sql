-- One page of a sale's reservations, by id, with what was paid for each and given back.
--
-- $1 sale  $2 reservation, or null for any  $3 shopper, or null  $4 state, or null  $5 the last id of the page before, or
-- null  $6 size of the page  $7 number, or null
select reservation.id, shopper, number, state, lines, total, held_at, expires_at, changed_at,
       (select coalesce(json_agg(json_build_object('intent', intent, 'amount', amount, 'state', payment.state)
                                 order by created_at), '[]')
          from payments as payment
         where payment.sale_id = $1 and reservation_id = reservation.id) as payments,
       (select coalesce(json_agg(json_build_object('id', refund.id, 'amount', refund.amount, 'state', refund.state,
                                                   'reason', reason, 'returnStock', returns_stock,
                                                   'failure', failure) order by asked_at), '[]')
          from refunds as refund join payments as payment using (intent)
         where payment.sale_id = $1 and reservation_id = reservation.id) as refunds,
       (select confirmed_at from orders where orders.sale_id = $1 and orders.id = reservation.id) as confirmed_at
  from reservations as reservation
 where sale_id = $1 and ($2::uuid is null or reservation.id = $2) and ($3::text is null or shopper = $3)
   and ($4::text is null or state = $4) and ($5::uuid is null or reservation.id > $5)
   and ($7::bigint is null or number = $7)
 order by reservation.id
 limit $6
