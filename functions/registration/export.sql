-- One page of a sale's registrations: the confirmed in their order, then the others by their id.
--
-- $1 sale  $2 the last number of the page before (0 at first, null once the confirmed are through)  $3 the last shopper
-- $4 size of the page
select shopper, email, state, number, confirmed_at
  from registrations
 where sale_id = $1
   and case when $2::bigint is null then number is null and shopper > $3 else number > $2 end
 order by number nulls last, shopper
 limit $4
