-- Stores events that are not there yet.
--
-- $1 events, JSON [{ event, type, session, intent, due }]
insert into webhook_inbox (event_id, type, session, intent, processed_at)
select event, type, session, intent, case when not due then now() end
  from jsonb_to_recordset($1::jsonb) as given (event text, type text, session text, intent text, due boolean)
on conflict (event_id) do nothing
