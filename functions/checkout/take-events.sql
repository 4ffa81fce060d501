-- Takes events that are due and puts off the next attempt of each, so that two who process at once take different ones.
--
-- $1 how many at most
update webhook_inbox
   set attempts = attempts + 1, due_at = now() + interval '15 seconds' * power(2, least(attempts, 8))
 where event_id in (select event_id from webhook_inbox where processed_at is null and due_at <= now()
                     order by due_at limit $1 for update skip locked)
returning event_id, session, intent
