-- Takes e-mails that are due and puts off the next attempt of each, so that two who send at once take different ones. After
-- the last attempt an e-mail stays where it is, with the reason, for an operator.
--
-- $1 how many at most  $2 attempts at most
update emails
   set attempts = attempts + 1, due_at = now() + interval '1 minute' * power(2, attempts)
 where id in (select id from emails
               where sent_at is null and due_at <= now() and attempts < $2
               order by due_at
               limit $1
                 for update skip locked)
returning id, recipient, subject, body
