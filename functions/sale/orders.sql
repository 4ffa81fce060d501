-- One page of a sale's orders, by id.
--
-- $1 sale  $2 the last id of the page before, or null  $3 size of the page
select orders.id, orders.shopper, orders.number, orders.total, orders.confirmed_at,
       (select sum(quantity) from order_lines as line where line.sale_id = $1 and line.order_id = orders.id) as units
  from orders
 where orders.sale_id = $1 and ($2::uuid is null or orders.id > $2)
 order by orders.id
 limit $3
