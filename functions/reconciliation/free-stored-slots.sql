-- Returns to what is available what Postgres still has set aside of an item whose slots have ended. Repeating it changes
-- nothing.
--
-- $1 sale  $2 run  $3 sku
with freed as (
  select sku, slots from items where sale_id = $1 and sku = $3 and slots > 0 for update
),
moved as (
  insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
  select $1, 'slots ended ' || $2, sku, 'slots', 'available', slots, now() from freed
)
update items set slots = 0
  from freed
 where items.sale_id = $1 and items.sku = freed.sku
returning freed.slots as units
