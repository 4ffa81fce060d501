-- Settles a sale that is over: units nobody bought go back, units whose price was given back are no longer sold, and the
-- report is kept. Only once, and only where everything was reconciled and nothing is open: no hold, no payment between
-- authorisation and capture, no refund that is not done, no discrepancy.
--
-- $1 sale  $2 run  $3 report, JSON
-- Answers one row: settled now?  settled at all?
with due as (
  select sales.id from sales
   where sales.id = $1 and settled_at is null and (definition ->> 'closesAt')::timestamptz < now()
     and not exists (select from items where sale_id = $1 and held > 0)
     and not exists (select from discrepancies where sale_id = $1 and resolved_at is null)
     and not exists (select from payments where sale_id = $1 and state = 'authorised')
     and not exists (select from payments join refunds using (intent) where sale_id = $1 and refunds.state = 'asked')
     and exists (select from reconciliation_runs as run
                  where run.id = $2 and run.sale_id = $1 and run.applies and run.state = 'done'
                    and run.started_at > (definition ->> 'closesAt')::timestamptz)
),
given_back as (
  select line.sku, sum(line.quantity) as units
    from due, orders join order_lines as line on line.sale_id = orders.sale_id and line.order_id = orders.id
   where orders.sale_id = $1 and orders.refunded_at is null and orders.total > 0
     and orders.total <= (select coalesce(sum(refunds.amount), 0) from payments join refunds using (intent)
                           where payments.sale_id = $1 and payments.reservation_id = orders.id and refunds.state = 'done')
   group by line.sku
),
left_over as (
  select items.sku, items.available, items.slots, coalesce(given_back.units, 0) as refunded
    from due, items left join given_back on given_back.sku = items.sku
   where items.sale_id = $1
),
moved as (
  insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
  select $1, 'settled ' || from_account, sku, from_account, to_account, units, now()
    from left_over,
         lateral (values ('available', 'unsold', available), ('slots', 'unsold', slots), ('confirmed', 'refunded', refunded))
           as way (from_account, to_account, units)
   where units > 0
),
counted as (
  update items
     set unsold = items.unsold + left_over.available + left_over.slots, slots = 0,
         confirmed = items.confirmed - left_over.refunded, refunded = items.refunded + left_over.refunded
    from left_over
   where items.sale_id = $1 and items.sku = left_over.sku
),
kept as (
  insert into settlements (sale_id, run_id, report) select id, $2, $3::jsonb from due
),
audited as (
  insert into audit_log (action, actor, sale_id, detail)
  select 'settle', 'system', id, jsonb_build_object('run', $2::uuid) from due
),
settled as (
  update sales set settled_at = now() from due where sales.id = due.id returning sales.id
)
select exists (select from settled) as now,
       exists (select from settled) or exists (select from sales where id = $1 and settled_at is not null) as at_all
