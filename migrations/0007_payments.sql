-- What was authorised and captured for reservations, what was given back, and what Stripe told us.
create table payments (
  intent         text primary key,
  sale_id        text not null references sales,
  reservation_id uuid not null,
  amount         bigint not null check (amount > 0),
  currency       text not null,
  state          text not null check (state in ('authorised', 'captured', 'voided', 'returned')),
  created_at     timestamptz not null default now(),
  changed_at     timestamptz not null default now()
);
create index on payments (sale_id, reservation_id);
comment on column payments.state is 'returned: captured though no order stands behind it, so it is refunded as a whole';
-- The judge: nobody pays twice for one reservation.
create unique index payments_captured_once on payments (sale_id, reservation_id) where state = 'captured';

-- Each refund has an id of its own, given by who asked for it, under which it is issued once.
create table refunds (
  id            uuid primary key,
  intent        text not null references payments,
  amount        bigint not null check (amount > 0),
  reason        text not null,
  returns_stock boolean not null,
  state         text not null default 'asked' check (state in ('asked', 'done', 'failed')),
  attempts      integer not null default 0 check (attempts >= 0),
  due_at        timestamptz not null default now(),
  stripe_refund text unique,
  failure       text,
  asked_at      timestamptz not null default now(),
  done_at       timestamptz
);
create index on refunds (intent);
create index on refunds (due_at) where state = 'asked';

-- Events as they came, by Stripe's id: only what they are about. What they say is read from Stripe when they are processed.
create table webhook_inbox (
  event_id     text primary key,
  type         text not null,
  session      text,
  intent       text,
  received_at  timestamptz not null default now(),
  attempts     integer not null default 0 check (attempts >= 0),
  due_at       timestamptz not null default now(),
  processed_at timestamptz,
  failure      text
);
create index on webhook_inbox (due_at) where processed_at is null;

-- A confirmed reservation can later be refunded, and its units go back. The payment that confirmed it outlives Redis.
alter table reservations
  add column return_to text,
  add column intent text,
  drop constraint reservations_state_check,
  add constraint reservations_state_check check (state in ('held', 'confirmed', 'released', 'expired', 'refunded'));
alter table orders add column refunded_at timestamptz;
