-- Takes refunds that are due and puts off the next attempt of each, so that two who issue at once take different ones.
--
-- $1 how many at most
with taken as (
  update refunds
     set attempts = attempts + 1, due_at = now() + interval '30 seconds' * power(2, least(attempts, 8))
   where id in (select id from refunds where state = 'asked' and due_at <= now()
                 order by due_at limit $1 for update skip locked)
  returning id, intent, amount, returns_stock, attempts
)
select taken.*, payments.sale_id, payments.reservation_id from taken join payments using (intent)
