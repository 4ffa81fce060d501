-- Puts addresses on the list as confirmed, in their order, and writes to each that it is there. Slots go to them as to
-- everybody. Who is on the list already stays as they are.
--
-- $1 sale  $2 addresses, JSON [{ position, shopper, email }]  $3 where the shop is  $4 whether slots are given to who comes first
-- $5 slots in all  $6 until when
-- Answers one row: { imported, open }; nothing is imported after that time, or once it is final who has a slot.
with sale as (
  select id, registered, slots_given, slots_decided_at is null and slot_draw_count is null and now() < $6 as open
    from sales where id = $1
     for update
),
listed as (
  select distinct on (shopper) sale.id as sale_id, row.position, row.shopper, row.email
    from sale, jsonb_to_recordset($2::jsonb) as row (position bigint, shopper text, email text)
   where sale.open
   order by shopper, position
),
new as (
  select listed.*, row_number() over (order by position) as nth
    from listed
   where not exists (select from registrations as known
                      where known.sale_id = $1 and known.shopper = listed.shopper and known.state in ('waiting', 'slot'))
),
numbered as (
  select new.*, sale.registered + nth as number,
         case when $4::boolean and sale.slots_given + nth <= $5 then 'slot' else 'waiting' end as state
    from new, sale
),
stored as (
  insert into registrations (sale_id, shopper, email, shop, state, number, confirmed_at)
  select sale_id, shopper, email, $3, state, number, now() from numbered
  on conflict (sale_id, shopper) do update
     set email = excluded.email, shop = excluded.shop, state = excluded.state, number = excluded.number,
         confirmed_at = excluded.confirmed_at
   where registrations.state in ('asked', 'left')
  returning shopper, email, state
),
counted as (
  update sales
     set registered = sales.registered + (select count(*) from numbered),
         slots_given = sales.slots_given + (select count(*) from stored where state = 'slot')
    from sale
   where sales.id = sale.id
),
written as (
  insert into emails (id, sale_id, kind, recipient, priority, data)
  select gen_random_uuid(), $1, 'invited', email, 2,
         jsonb_build_object('shopper', shopper, 'shop', $3::text, 'status', state)
    from stored
)
select (select count(*) from stored) as imported, open from sale
