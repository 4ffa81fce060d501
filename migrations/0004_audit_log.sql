-- Every action of an operator, with its reason.
create table audit_log (
  id      bigint generated always as identity primary key,
  at      timestamptz not null default now(),
  action  text not null,
  sale_id text not null,
  detail  jsonb not null default '{}'
);
create index on audit_log (sale_id);
