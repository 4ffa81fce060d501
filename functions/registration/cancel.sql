-- Takes a registration back, and the address with it. A slot goes to the one who waits longest, where slots go to who comes
-- first and it is not final yet who has one; after that its unit goes back to the general stock, which Redis has to be told.
--
-- $1 sale  $2 shopper  $3 whether slots are given to who comes first
-- Answers one row where there was something to take back: does Redis have to be told?
with mine as (
  select shopper, state, email from registrations
   where sale_id = $1 and shopper = $2 and state <> 'left'
     for update
),
sale as (
  select id, slots_decided_at is not null as decided from sales
   where id = $1 and exists (select from mine where state = 'slot')
     for update
),
-- Behind the lock of the sale's row, so that who was just confirmed is seen.
next as (
  select next_waiting(id) as shopper from sale where $3::boolean and not decided
),
promoted as (
  update registrations set state = 'slot' from next where sale_id = $1 and registrations.shopper = next.shopper
),
counted as (
  update sales set slots_given = slots_given - 1
    from sale where sales.id = sale.id and not decided and not exists (select from next where shopper is not null)
),
forgotten as (
  update emails set recipient = null from mine where sale_id = $1 and recipient = mine.email
)
update registrations
   set state = 'left', email = null, left_at = now(),
       gave_back = gave_back or coalesce((select decided from sale), false)
  from mine
 where sale_id = $1 and registrations.shopper = mine.shopper
returning coalesce((select decided from sale), false) as gives_back
