-- Whose action an entry of the audit log is: as the console or the API knows them, or the system itself. The default is for
-- functions of a version before, which may run a moment longer than this is there.
alter table audit_log add column actor text not null default 'operator token';
update audit_log set actor = 'system'
 where action = 'settle' or (action = 'reconcile' and detail ->> 'cause' = 'cron');
