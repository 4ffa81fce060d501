-- The top-ups of a sale, as movements of stock.
--
-- $1 sale
select substr(entry, 8) as id, 'moved' as state, json_build_array(json_build_object('sku', sku, 'quantity', units)) as lines
  from stock_ledger
 where sale_id = $1 and from_account = 'supply' and entry like 'supply %'
 order by entry
