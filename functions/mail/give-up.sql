-- Whoever took these is gone, and may have sent them: they are not sent again, unless an operator says so.
--
-- $1 seconds after which nobody is sending them any more
update emails
   set state = 'dead', failure = 'unknown'
 where state = 'sending' and taken_at < now() - make_interval(secs => $1)
