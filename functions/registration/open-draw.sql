-- Closes the list for the draw of the slots: its numbers are those given until now. Repeating it answers the same.
--
-- $1 sale
update sales set slot_draw_count = coalesce(slot_draw_count, registered)
 where id = $1
returning slot_draw_count as count
