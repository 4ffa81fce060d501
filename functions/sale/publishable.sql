-- What Redis has to be told of a sale.
--
-- $1 sale
select definition, epoch, mode, release_size, draw_seed, draw_count, numbers_until, now_serving, slot_seed,
       slot_draw_count, case when slots_decided_at is not null then slots_given end as slots_given,
       (select json_agg(json_build_object('sku', sku, 'stock', stock, 'slots', slots, 'held', held, 'confirmed', confirmed))
          from items where sale_id = $1) as items
  from sales
 where id = $1
