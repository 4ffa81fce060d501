-- How the e-mails of a sale stand, and what stands before the end of its sending: the limits are the whole shop's.
--
-- $1 sale
select count(*) filter (where state = 'queued' and recipient is not null) as queued,
       count(*) filter (where state = 'sending') as sending,
       count(*) filter (where state = 'sent') as sent,
       count(*) filter (where state = 'dead') as dead,
       ceil(extract(epoch from max(due_at) filter (where state = 'queued' and recipient is not null)) * 1000) as last_due_ms,
       floor(extract(epoch from now()) * 1000) as now_ms,
       (select count(*) from emails where state = 'queued' and recipient is not null) as queued_all,
       (select coalesce(sum(count), 0) from email_takes where taken_at > now() - interval '24 hours') as sent_today
  from emails
 where sale_id = $1
