-- Who registered for a sale, and the units set aside for them. An address stands here and with the e-mails to it, and in
-- no other store; what else knows a person knows the HMAC of the address (`shopper`).
create table registrations (
  sale_id      text not null references sales,
  shopper      text not null,
  email        text,
  -- Where the shop is, for the links in its e-mails.
  shop         text not null,
  state        text not null default 'asked' check (state in ('asked', 'waiting', 'slot', 'left')),
  number       bigint check (number > 0),
  asked_at     timestamptz not null default now(),
  confirmed_at timestamptz,
  left_at      timestamptz,
  -- Left after the slots were given out: its unit has to go back, and has gone back.
  gave_back    boolean not null default false,
  returned_at  timestamptz,
  primary key (sale_id, shopper),
  unique (sale_id, number),
  check ((confirmed_at is null) = (number is null)),
  check (state = 'left' or email is not null or confirmed_at is not null)
);
create index on registrations (sale_id, number) where state = 'waiting';
create index on registrations (sale_id) where gave_back and returned_at is null;
create index on registrations (asked_at) where state = 'asked';
comment on column registrations.number is 'the order of confirmation';
comment on column registrations.email is 'null once deleted';

-- The registration that waits longest, locked; null without one. A function, so that it is looked for with what is there when
-- it is called, and not when the statement around it began.
create function next_waiting(sale text) returns text volatile language sql as $$
  select shopper from registrations where sale_id = sale and state = 'waiting' order by number limit 1 for update
$$;

-- Each link of a confirmation e-mail works for the one who used it first.
create table used_links (
  id      uuid primary key,
  sale_id text not null references sales,
  used_by text not null,
  used_at timestamptz not null default now()
);
create index on used_links (sale_id);

alter table sales
  add column registered       bigint not null default 0 check (registered >= 0),
  add column slots_given      bigint not null default 0 check (slots_given >= 0),
  add column slots_decided_at timestamptz,
  add column slot_seed        text check (slot_seed ~ '^[0-9a-f]{64}$'),
  add column slot_draw_count  bigint check (slot_draw_count >= 0);
comment on column sales.registered is 'the last number given to a confirmed address';
comment on column sales.slot_draw_count is 'how many numbers the draw of the slots was made over; null until registration has closed';

-- Units set aside are units nobody else can hold.
alter table items
  add column slots bigint not null default 0 check (slots >= 0),
  drop constraint items_not_oversold,
  add constraint items_not_oversold check (held + confirmed + slots <= stock);
alter table stock_ledger
  drop constraint stock_ledger_from_account_check,
  drop constraint stock_ledger_to_account_check,
  add constraint stock_ledger_from_account_check check (from_account in ('supply', 'available', 'slots', 'held', 'confirmed')),
  add constraint stock_ledger_to_account_check check (to_account in ('supply', 'available', 'slots', 'held', 'confirmed'));
alter table reservations add column slot_until timestamptz;
comment on column reservations.slot_until is 'where it took the unit of a slot: until when the slot lasts';
