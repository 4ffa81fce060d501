-- One page of what Postgres knows of a sale's reservations, as Redis keeps them, by id.
--
-- $1 sale  $2 the last id of the page before, or null  $3 size of the page  $4 the one that is wanted, or null
select reservation.id, shopper, number, state, lines, total, definition ->> 'currency' as currency,
       return_to as "returnTo", intent,
       round(extract(epoch from slot_until) * 1000) as "slotUntilMs",
       round(extract(epoch from held_at) * 1000) as "heldAtMs",
       round(extract(epoch from expires_at) * 1000) as "expiresAtMs",
       round(extract(epoch from changed_at) * 1000) as "changedAtMs"
  from reservations as reservation join sales on sales.id = sale_id
 where sale_id = $1 and ($2::uuid is null or reservation.id > $2)
   and ($4::uuid is null or reservation.id = $4)
 order by reservation.id
 limit $3
