-- How far the outbox of each sale has been applied, and what could not be.
create table sync_cursor (
  sale_id    text primary key references sales,
  last_entry text not null default '0-0',
  moved_at   timestamptz not null default now()
);

create table discrepancies (
  id       bigint generated always as identity primary key,
  sale_id  text not null references sales,
  kind     text not null,
  evidence jsonb not null,
  found_at timestamptz not null default now()
);
create index on discrepancies (sale_id);
