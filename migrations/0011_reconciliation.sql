-- What reconciliation looks at, finds and does; and how a sale is settled.

alter table sales
  add column settled_at   timestamptz,
  add column cleared_at   timestamptz,
  add column remedy_limit bigint not null default 50000 check (remedy_limit >= 0);
comment on column sales.cleared_at is 'since when Redis has nothing of it any more';
comment on column sales.remedy_limit is 'minor units; a remedy that gives more back waits for an operator''s approval';

-- A run goes on page by page from where `step` and `cursor` stand, whoever takes the lease.
create table reconciliation_runs (
  id           uuid primary key,
  sale_id      text not null references sales,
  cause        text not null check (cause in ('operator', 'cron', 'light')),
  applies      boolean not null,
  state        text not null default 'running' check (state in ('running', 'done')),
  step         text not null default 'begin',
  cursor       text not null default '',
  -- Redis' counters and its last change when the run began, to see at its end whether they stood still.
  began_with   jsonb,
  looked_at    jsonb not null default '{}',
  leased_until timestamptz not null default '-infinity',
  started_at   timestamptz not null default now(),
  ended_at     timestamptz
);
create unique index reconciliation_runs_one_running on reconciliation_runs (sale_id) where state = 'running';
create index on reconciliation_runs (sale_id, started_at);

alter table discrepancies
  add column run_id      uuid references reconciliation_runs,
  add column subject     text,
  add column case_id     uuid,
  add column remedy      text,
  add column amount      bigint not null default 0 check (amount >= 0),
  add column outcome     text check (outcome in ('found', 'waiting', 'applied', 'failed', 'gone', 'superseded')),
  add column detail      text,
  add column resolved_at timestamptz,
  add constraint discrepancies_once_a_run unique (run_id, kind, subject);

-- Redis and Stripe as a run saw them, until it ends: so that the three can be held against each other page by page.
create table snapshot_records (
  run_id uuid not null references reconciliation_runs on delete cascade,
  id     uuid not null,
  record jsonb not null,
  primary key (run_id, id)
);
create table snapshot_intents (
  run_id         uuid not null references reconciliation_runs on delete cascade,
  intent         text not null,
  reservation_id uuid not null,
  state          text not null,
  amount         bigint not null,
  currency       text not null,
  created_at     timestamptz not null,
  primary key (run_id, intent)
);
create index on snapshot_intents (run_id, reservation_id);
create table snapshot_refunds (
  run_id        uuid not null references reconciliation_runs on delete cascade,
  stripe_refund text not null,
  intent        text not null,
  refund        text,
  amount        bigint not null,
  state         text not null,
  primary key (run_id, stripe_refund)
);
create index on snapshot_refunds (run_id, intent);

create table settlements (
  sale_id    text primary key references sales,
  run_id     uuid not null references reconciliation_runs,
  report     jsonb not null,
  settled_at timestamptz not null default now()
);
