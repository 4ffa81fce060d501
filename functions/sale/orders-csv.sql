-- One page of a sale's orders, by id, as a shop that sends goods wants them.
--
-- $1 sale  $2 the last id of the page before, or null  $3 size of the page
select orders.id, orders.shopper, orders.number, orders.total, sales.definition ->> 'currency' as currency,
       orders.confirmed_at, orders.refunded_at,
       (select string_agg(quantity || ' ' || sku, '; ' order by sku collate "C")
          from order_lines as line where line.sale_id = $1 and line.order_id = orders.id) as lines
  from orders join sales on sales.id = orders.sale_id
 where orders.sale_id = $1 and ($2::uuid is null or orders.id > $2)
 order by orders.id
 limit $3
