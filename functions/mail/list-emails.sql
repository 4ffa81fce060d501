-- One page of e-mails in a state, by id.
--
-- $1 state  $2 sale, or null for all  $3 the last id of the page before, or null  $4 size of the page
select id, sale_id as sale, kind, recipient, state, attempts, failure, created_at, due_at, taken_at, sent_at
  from emails
 where state = $1
   and ($2::text is null or sale_id = $2)
   and ($3::uuid is null or id > $3)
 order by id
 limit $4
