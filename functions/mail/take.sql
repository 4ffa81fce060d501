-- Takes e-mails that are due for one attempt each, within the limits. The limits count what was taken in the turns
-- before; of two who take at once, one finds the turn gone, takes nothing, and asks again. What is taken is sent by
-- nobody else, ever, unless its attempt is known to have failed.
--
-- $1 how many at most  $2 how many in a minute of the clock  $3 how many in any 24 hours
with takes as (
  select coalesce(max(turn), 0) as turn,
         coalesce(sum(count) filter (where taken_at >= date_trunc('minute', now())), 0) as this_minute,
         coalesce(sum(count) filter (where taken_at > now() - interval '24 hours'), 0) as this_day
    from email_takes
), due as (
  select id
    from emails
   where state = 'queued' and due_at <= now() and recipient is not null
   order by priority, due_at
   limit (select greatest(0, least($1::bigint, $2::bigint - this_minute, $3::bigint - this_day)) from takes)
     for update skip locked
), turn as (
  insert into email_takes (turn, count)
  select takes.turn + 1, (select count(*) from due)
    from takes
   where exists (select from due)
      on conflict (turn) do nothing
  returning turn
), forgotten as (
  delete from email_takes
   where taken_at < now() - interval '25 hours' and exists (select from turn)
), taken as (
  update emails
     set state = 'sending', attempts = attempts + 1, taken_at = now(), failure = null
   where id in (select id from due) and exists (select from turn)
  returning id, sale_id as sale, kind, data, recipient, attempts as attempt
)
select exists (select from due) and not exists (select from turn) as again,
       coalesce((select jsonb_agg(taken) from taken), '[]') as emails,
       coalesce((select jsonb_object_agg(id, definition) from sales where id in (select sale from taken)), '{}') as sales
