-- What of a sale's line and of the operator's hand must outlive Redis: the rebuild reads it.
alter table sales
  add column mode          text not null default 'normal'
                           check (mode in ('normal', 'hold', 'drain', 'reject', 'passthrough')),
  add column release_size  integer check (release_size > 0),
  add column draw_seed     text check (draw_seed ~ '^[0-9a-f]{64}$'),
  add column draw_count    bigint check (draw_count >= 0),
  add column numbers_until bigint not null default 0 check (numbers_until >= 0),
  add column now_serving   bigint not null default 0 check (now_serving >= 0);

comment on column sales.release_size is 'the operator''s, where it differs from the definition''s';
comment on column sales.draw_count is 'how many numbers the lobby of a draw gave out; null until it has opened';
comment on column sales.numbers_until is 'no number above this one was given out, or only since the last look';
