-- What was reserved and sold, written by the sync from the outbox.
create table reservations (
  sale_id    text not null references sales,
  id         uuid not null,
  shopper    text not null,
  number     bigint not null,
  state      text not null check (state in ('held', 'confirmed', 'released', 'expired')),
  lines      jsonb not null,
  total      bigint not null check (total >= 0),
  held_at    timestamptz not null,
  expires_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (sale_id, id)
);

create table orders (
  sale_id      text not null,
  id           uuid not null,
  shopper      text not null,
  number       bigint not null,
  total        bigint not null check (total >= 0),
  confirmed_at timestamptz not null,
  primary key (sale_id, id),
  foreign key (sale_id, id) references reservations
);

create table order_lines (
  sale_id  text not null,
  order_id uuid not null,
  sku      text not null,
  quantity integer not null check (quantity > 0),
  price    bigint not null check (price >= 0),
  primary key (sale_id, order_id, sku),
  foreign key (sale_id, order_id) references orders,
  foreign key (sale_id, sku) references items
);

-- Double entry: each movement names the account it takes from and the one it gives to, so the sum over all accounts is
-- zero by construction. `entry` is the outbox entry that caused it; a movement cannot be written twice.
create table stock_ledger (
  sale_id      text not null,
  entry        text not null,
  sku          text not null,
  from_account text not null check (from_account in ('supply', 'available', 'held', 'confirmed')),
  to_account   text not null check (to_account in ('supply', 'available', 'held', 'confirmed')),
  units        bigint not null check (units > 0),
  moved_at     timestamptz not null,
  primary key (sale_id, entry, sku),
  foreign key (sale_id, sku) references items,
  check (from_account <> to_account)
);
