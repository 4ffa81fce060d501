-- How far cron has walked through the events at Stripe that no webhook has taken, the newest first, below their newest page.
-- Kept beside the inbox, so that whichever state of it is restored, what it lacks is walked through again.
create table undelivered_walk (
  one     boolean primary key default true check (one),
  since   bigint not null,
  began   bigint not null,
  reached bigint
);
comment on table undelivered_walk is 'seconds of the epoch; one row';
comment on column undelivered_walk.since is 'what was created before is in the inbox';
comment on column undelivered_walk.reached is 'how far the walk that began then has come; null once it is over';
