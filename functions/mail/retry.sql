-- A dead letter is due again, by an operator's word, which is written down. One whose address is deleted stays dead.
--
-- $1 id  $2 by whom
with retried as (
  update emails
     set state = 'queued', due_at = now()
   where id = $1 and state = 'dead' and recipient is not null
  returning id, sale_id, kind, attempts, failure
), audited as (
  insert into audit_log (action, actor, sale_id, detail)
  select 'email_retry', $2, sale_id, jsonb_build_object('email', id, 'kind', kind, 'attempts', attempts, 'failure', failure)
    from retried
)
select case when exists (select from retried) then 'queued' else state end as state
  from emails
 where id = $1
