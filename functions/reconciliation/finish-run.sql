-- Ends a run: what it saw is thrown away, what earlier runs left open is superseded by what this one found, and events that
-- Postgres once refused are settled where their reservation is in order now.
--
-- $1 run  $2 sale  $3 whether the run applied
with repaired as (
  update discrepancies set outcome = 'applied', resolved_at = now(), detail = 'by a call that ended before it said how'
   where run_id = $1 and outcome = 'found' and $3::boolean
),
superseded as (
  update discrepancies set outcome = 'superseded', resolved_at = now()
   where sale_id = $2 and run_id is not null and run_id <> $1 and resolved_at is null
),
settled as (
  update discrepancies set outcome = 'gone', resolved_at = now()
   where sale_id = $2 and kind = 'event_refused' and resolved_at is null and $3::boolean
     and not exists (select from discrepancies as open where open.run_id = $1 and open.outcome in ('waiting', 'failed'))
),
records as (
  delete from snapshot_records where run_id = $1
),
refunds as (
  delete from snapshot_refunds where run_id = $1
),
intents as (
  delete from snapshot_intents where run_id = $1
)
update reconciliation_runs
   set state = 'done', step = 'end', cursor = '', ended_at = now(), leased_until = '-infinity'
 where id = $1 and state = 'running'
