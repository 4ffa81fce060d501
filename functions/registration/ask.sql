-- Notes who wants to register, and writes the e-mail with the link that confirms the address. Who is on the list already
-- gets one too: it shows the same person on another device. To one address only so many an hour are written, over all
-- sales: nobody's mailbox is filled by somebody else's wish. Repeating it with the same link changes nothing.
--
-- $1 sale  $2 shopper  $3 address  $4 where the shop is  $5 id of the link  $6 when the link ends (ms)
-- $7 e-mails an hour to one address, at most
with asked as (
  insert into registrations as known (sale_id, shopper, email, shop) values ($1, $2, $3, $4)
  on conflict (sale_id, shopper) do update
     set email = coalesce(known.email, excluded.email),
         shop = excluded.shop,
         -- Who left and comes again begins anew, behind everybody.
         number = case when known.state <> 'left' then known.number end,
         confirmed_at = case when known.state <> 'left' then known.confirmed_at end,
         asked_at = case when known.state in ('asked', 'left') then now() else known.asked_at end,
         state = case when known.state = 'left' then 'asked' else known.state end
  returning sale_id, email
)
insert into emails (id, sale_id, kind, recipient, data)
select $5::uuid, sale_id, 'confirm', email,
       jsonb_build_object('shopper', $2::text, 'link', $5::text, 'expiresAtMs', $6::bigint, 'shop', $4::text)
  from asked
 where (select count(*) from emails where recipient = asked.email and created_at > now() - interval '1 hour') < $7
    on conflict (id) do nothing
