-- The next reservations that any of the three knows.
--
-- $1 run  $2 sale  $3 the last id of the page before  $4 size of the page
select id
  from ((select id from snapshot_records where run_id = $1 and id > $3::uuid order by id limit $4)
        union
        (select id from reservations where sale_id = $2 and id > $3::uuid order by id limit $4)
        union
        (select reservation_id from snapshot_intents where run_id = $1 and reservation_id > $3::uuid
          order by reservation_id limit $4)
        union
        (select reservation_id from payments where sale_id = $2 and reservation_id > $3::uuid
          order by reservation_id limit $4)) as known (id)
 order by id
 limit $4
