-- Asks for a refund of an order's payment, unless it was asked for or is more than is left.
--
-- $1 id  $2 sale  $3 order  $4 amount, or null for all that is left  $5 reason  $6 whether units go back  $7 by whom
-- Answers one row: `asked` now; `same` or `other`: the id was there, for this or for something else; `moved`: somebody
-- else asked at this moment, to be run again; `above_rest`; `no_payment`.
with payment as (
  select intent, amount, changed_at from payments
   where sale_id = $2 and reservation_id = $3 and state = 'captured'
),
before as (
  select refunds.* from refunds where id = $1
),
rest as (
  select payment.intent, payment.changed_at, payment.amount as whole,
         payment.amount - coalesce((select sum(amount) from refunds
                                     where refunds.intent = payment.intent and state <> 'failed'), 0) as amount
    from payment
),
allowed as (
  select intent, changed_at, coalesce($4, amount) as amount
    from rest
   where amount > 0 and coalesce($4, amount) <= amount and (not $6 or coalesce($4, amount) = whole)
     and not exists (select from before)
),
-- Who asks at the same moment sees the same rest: the payment's row lets one of them pass.
passed as (
  update payments set changed_at = clock_timestamp()
    from allowed
   where payments.intent = allowed.intent and payments.changed_at = allowed.changed_at
  returning allowed.intent, allowed.amount
),
asked as (
  insert into refunds (id, intent, amount, reason, returns_stock)
  select $1, intent, amount, $5, $6 from passed
  on conflict (id) do nothing
  returning id, amount
),
audited as (
  insert into audit_log (action, actor, sale_id, detail)
  select 'refund', $7, $2,
         jsonb_build_object('order', $3::uuid, 'refund', id, 'amount', amount, 'returnStock', $6::boolean,
                            'reason', $5::text)
    from asked
)
select case
         when exists (select from asked) then 'asked'
         when exists (select from before join payment using (intent)
                       where before.returns_stock = $6 and ($4::bigint is null or before.amount = $4)) then 'same'
         when exists (select from before) then 'other'
         when exists (select from allowed) then 'moved'
         when exists (select from rest) then 'above_rest'
         else 'no_payment'
       end as outcome
