-- Writes down how a payment stands. A state follows the one before it, never the other way, whatever comes late or twice.
--
-- $1 intent  $2 sale  $3 reservation  $4 amount, minor units  $5 currency  $6 state
insert into payments (intent, sale_id, reservation_id, amount, currency, state)
values ($1, $2, $3, $4, $5, $6)
on conflict (intent) do update set state = excluded.state, changed_at = now()
 where payments.state = 'authorised' and excluded.state <> 'authorised'
