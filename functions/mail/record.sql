-- Writes down how the attempts of a batch ended. Of an attempt that was given up for unknown it may still come to be
-- known; of one that is over it may not.
--
-- $1 [{id, attempt, state, failure, waitSeconds, counts}]
update emails
   set state = result.state,
       failure = result.failure,
       sent_at = case when result.state = 'sent' then now() end,
       due_at = case when result.state = 'queued' then now() + make_interval(secs => result."waitSeconds") else due_at end,
       attempts = case when result.counts then attempts else attempts - 1 end
  from jsonb_to_recordset($1::jsonb)
       as result (id uuid, attempt integer, state text, failure text, "waitSeconds" double precision, counts boolean)
 where emails.id = result.id
   and emails.attempts = result.attempt
   and (emails.state = 'sending' or (emails.state = 'dead' and emails.failure = 'unknown'))
