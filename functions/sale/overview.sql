-- All sales with what Postgres counts of them, the latest to open first.
select definition, mode, published_at is not null as published, settled_at is not null as settled,
       (select coalesce(sum(stock), 0) from items where sale_id = sales.id) as stock,
       (select coalesce(sum(held), 0) from items where sale_id = sales.id) as held,
       (select coalesce(sum(confirmed), 0) from items where sale_id = sales.id) as sold,
       (select count(*) from discrepancies where sale_id = sales.id and resolved_at is null) as discrepancies
  from sales
 order by (definition ->> 'opensAt')::timestamptz desc, id
 limit 200
