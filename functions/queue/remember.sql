-- Writes down how far a sale's line has come. Only forward: repeating the call, or calling late, changes nothing. How
-- far it came is true whatever the epoch, so a rebuild that took a new one and was overtaken does not stop this; the size
-- of a draw is taken under the epoch in force alone.
--
-- $1 sale  $2 epoch  $3 now serving  $4 no number above this one was given out  $5 people drawn, or null before
-- Answers one row: the bound as it stands.
update sales
   set now_serving = greatest(now_serving, $3),
       numbers_until = greatest(numbers_until, $4),
       draw_count = coalesce(draw_count, case when epoch = $2 then $5::bigint end)
 where id = $1
returning numbers_until
