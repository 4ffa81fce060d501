-- Sales and what they sell. The definition is kept as the operator wrote it; items carry the counters that the
-- database itself guards: it refuses to know of more units held and sold than there are.
create table sales (
  id           text primary key,
  definition   jsonb not null,
  epoch        integer not null default 1 check (epoch > 0),
  published_at timestamptz,
  created_at   timestamptz not null default now()
);

create table items (
  sale_id   text not null references sales,
  sku       text not null,
  stock     bigint not null check (stock >= 0),
  held      bigint not null default 0 check (held >= 0),
  confirmed bigint not null default 0 check (confirmed >= 0),
  primary key (sale_id, sku),
  constraint items_not_oversold check (held + confirmed <= stock)
);
