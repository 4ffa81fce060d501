-- A reservation's payment and its refunds, in one row: the captured payment, else the latest.
--
-- $1 sale  $2 reservation
select payments.state,
       coalesce(sum(refunds.amount) filter (where refunds.state <> 'failed'), 0) as refund_asked,
       coalesce(sum(refunds.amount) filter (where refunds.state = 'done'), 0) as refund_done
  from payments left join refunds using (intent)
 where payments.sale_id = $1 and payments.reservation_id = $2
 group by payments.intent
 order by payments.state = 'captured' desc, payments.created_at desc
 limit 1
