-- Makes it final who has a slot, and writes the e-mails: to each holder one with the way in, spread over the time there is;
-- after a draw, to each of the others that they wait. All of it once, whoever calls and however often.
--
-- $1 sale  $2 the numbers drawn, or null where slots went to who came first  $3 of so many numbers ($2)
-- $4 when the first e-mail goes out  $5 milliseconds between two
-- Answers one row, { given, waiting }, if this call decided it.
with sale as (
  select id from sales where id = $1 and slots_decided_at is null for update
),
won as (
  update registrations set state = 'slot'
    from sale
   where sale_id = sale.id and state = 'waiting' and number = any($2::bigint[])
  returning shopper, email, shop, number
),
holders as (
  select shopper, email, shop, number from won
  union all
  select shopper, email, shop, number from registrations join sale on sale_id = sale.id where state = 'slot'
),
others as (
  select shopper, email, shop, number from registrations join sale on sale_id = sale.id
   where state = 'waiting' and number <= $3 and not number = any($2::bigint[])
),
told as (
  select 'slot' as kind, 1 as priority, shopper, email, shop, number, null::bigint as registered from holders
  union all
  select 'waiting', 2, shopper, email, shop, number, $3 from others
),
written as (
  insert into emails (id, sale_id, kind, recipient, priority, data, due_at)
  select gen_random_uuid(), $1, kind, email, priority,
         jsonb_strip_nulls(jsonb_build_object('shopper', shopper, 'shop', shop, 'number', number, 'registered', registered)),
         $4::timestamptz + (row_number() over (order by priority, number) - 1) * $5::float8 * interval '1 millisecond'
    from told
   where email is not null
)
update sales set slots_decided_at = now(), slots_given = (select count(*) from holders)
  from sale
 where sales.id = sale.id
returning slots_given as given, (select count(*) from others) as waiting
