-- What Redis has to be told of a sale.
--
-- $1 sale
select definition, epoch, mode, release_size, draw_seed, draw_count, numbers_until, now_serving,
       (select json_agg(json_build_object('sku', sku, 'stock', stock, 'held', held, 'confirmed', confirmed))
          from items where sale_id = $1) as items
  from sales
 where id = $1
