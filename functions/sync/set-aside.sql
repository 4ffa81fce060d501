-- Puts one outbox entry aside that the database refuses, with the reason, and moves the cursor past it: one statement,
-- guarded like apply.sql.
--
-- $1 sale  $2 cursor before  $3 cursor after  $4 evidence, JSON
with moved as (
  update sync_cursor
     set last_entry = $3, moved_at = now()
   where sale_id = $1 and last_entry = $2
  returning sale_id
),
found as (
  insert into discrepancies (sale_id, kind, evidence)
  select sale_id, 'event_refused', $4::jsonb from moved
)
select exists (select from moved) as moved
