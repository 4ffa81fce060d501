-- Confirms an address: gives it the next number, and a slot where those are given to who comes first and one is left.
-- A link works for the browser that used it first, as often as that asks; whoever else brings it changes nothing. Numbers
-- and slots are counted in the sale's row, which each confirmation locks: the last slot goes to one.
--
-- $1 sale  $2 shopper  $3 id of the link  $4 the browser's shopper  $5 whether slots are given to who comes first
-- $6 slots in all  $7 when addresses are no longer taken  $8 when it is final who has a slot
-- Answers one row, { usable, state, number }; none if nobody asked. State `asked` after it: the time is over, or another
-- link of the same address is being used at this moment (run it again).
with link as (
  insert into used_links (id, sale_id, used_by) values ($3, $1, $4)
  on conflict (id) do update set used_by = used_links.used_by where used_links.used_by = excluded.used_by
  returning id
),
mine as (
  select shopper from registrations
   where sale_id = $1 and shopper = $2 and state = 'asked' and now() < $7 and exists (select from link)
     for update
),
sale as (
  select id, registered + 1 as number,
         ($5::boolean and slots_decided_at is null and now() < $8 and slots_given < $6) as gives
    from sales
   where id = $1 and exists (select from mine)
     for update
),
counted as (
  update sales set registered = sale.number, slots_given = slots_given + sale.gives::int
    from sale where sales.id = sale.id
),
confirmed as (
  update registrations
     set state = case when sale.gives then 'slot' else 'waiting' end, number = sale.number, confirmed_at = now()
    from sale where sale_id = sale.id and shopper = $2
  returning registrations.state, registrations.number
)
select exists (select from link) as usable,
       coalesce((select state from confirmed), state) as state,
       coalesce((select number from confirmed), number) as number
  from registrations
 where sale_id = $1 and shopper = $2
