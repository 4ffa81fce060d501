-- Writes down how Redis has a sale defined, with what changed. Repeating it changes nothing.
--
-- $1 sale  $2 definition, JSON  $3 action  $4 reason  $5 whether the definition's release size counts again  $6 by whom
with known as (
  select definition from sales where id = $1 and settled_at is null for update
),
changes as (
  select jsonb_object_agg(key, jsonb_build_array(was.value, now.value)) as changed
    from known, jsonb_each(known.definition) as was full join jsonb_each($2::jsonb) as now using (key)
   where was.value is distinct from now.value
),
written as (
  update sales
     set definition = $2::jsonb, release_size = case when $5::boolean then null else release_size end
    from known
   where id = $1
)
insert into audit_log (action, actor, sale_id, detail)
select $3, $6, $1, jsonb_build_object('reason', $4::text, 'changed', changed) from changes where changed is not null
