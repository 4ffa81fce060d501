-- Creates a sale with its items, its cursor and its ledger's opening entries. Repeating the call changes nothing and says
-- whether the sale that is there is the same.
--
-- $1 id  $2 definition, JSON  $3 seed of the draw, or null  $4 seed of the draw of slots, or null
-- $5 units set aside for slots, JSON { sku: units }  $6 by whom
-- Answers one row: created now?  the same as asked for?  published before? No row if another call creates the
-- sale at this moment: run it again.
with created as (
  insert into sales (id, definition, draw_seed, slot_seed) values ($1, $2::jsonb, $3, $4)
  on conflict (id) do nothing
  returning id
),
listed as (
  select created.id as sale_id, item.sku, item.stock, coalesce(($5::jsonb ->> item.sku)::bigint, 0) as slots
    from created, jsonb_to_recordset($2::jsonb -> 'items') as item (sku text, stock bigint)
),
stored_items as (
  insert into items (sale_id, sku, stock, slots) select sale_id, sku, stock, slots from listed
),
supplied as (
  insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
  select sale_id, 'supply', sku, 'supply', 'available', stock, now() from listed where stock > 0
  union all
  select sale_id, 'slots', sku, 'available', 'slots', slots, now() from listed where slots > 0
),
cursor_set as (
  insert into sync_cursor (sale_id) select id from created
),
audited as (
  insert into audit_log (action, actor, sale_id, detail) select 'create', $6, id, $2::jsonb from created
)
select true as created, true as same, false as published from created
union all
select false, definition = $2::jsonb, published_at is not null from sales where id = $1 and not exists (select from created)
