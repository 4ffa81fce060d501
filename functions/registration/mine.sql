-- How the registration of one person stands.
--
-- $1 sale  $2 shopper
select state, number, registered, slots_given, slots_decided_at is not null as decided, slot_seed, slot_draw_count
  from registrations join sales on sales.id = sale_id
 where sale_id = $1 and shopper = $2
