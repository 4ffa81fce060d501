-- Takes a run's lease for a minute, so that two who continue it do not both do its work.
--
-- $1 run
-- Answers one row, or none where somebody has it or it is done.
update reconciliation_runs as run
   set leased_until = now() + interval '1 minute'
  from sales
 where run.id = $1 and run.state = 'running' and run.leased_until < now() and sales.id = run.sale_id
returning run.sale_id, run.applies, run.step, run.cursor, run.began_with, run.looked_at, sales.definition,
          sales.remedy_limit, round(extract(epoch from sales.created_at)) as created
