-- Registrations of a sale by state.
--
-- $1 sale
select count(*) filter (where state = 'asked') as asked,
       count(*) filter (where state = 'waiting') as waiting,
       count(*) filter (where state = 'slot') as slot,
       count(*) filter (where state = 'left') as "left",
       sales.definition, slots_given, slots_decided_at is not null as decided
  from sales left join registrations on sale_id = sales.id
 where sales.id = $1
 group by sales.id
