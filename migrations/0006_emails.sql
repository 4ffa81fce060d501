-- E-mail to be sent, written in the statement of the fact it tells of. The address is personal: it is in no other store.
create table emails (
  id         uuid primary key,
  sale_id    text not null references sales,
  recipient  text not null,
  subject    text not null,
  body       text not null,
  created_at timestamptz not null default now(),
  attempts   integer not null default 0 check (attempts >= 0),
  -- When it may be tried (again); moved forward by whoever takes it, so that nobody else does.
  due_at     timestamptz not null default now(),
  sent_at    timestamptz,
  failure    text
);
create index on emails (due_at) where sent_at is null;
create index on emails (recipient, created_at);
