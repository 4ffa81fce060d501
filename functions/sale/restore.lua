#!lua flags=allow-key-locking
-- Brings what Postgres knows of a lost sale's reservations back, part by part, before the sale is published again.
-- Guarantee: nothing of a sale that Redis knows is touched. The first part clears what a partial loss or an earlier
-- rebuild left over, the stock too: until there is one again, no script moves units. A record is restored once, with all
-- that follows from it; a rebuild that a later one has overtaken changes nothing.
--
-- KEYS  1 sale  2 stock  3 rebuild  4 waitlist  5 lobby  6 released  7 inside  8 reservations  9 shoppers  10 holds
--       11 claims  12 outbox  13 topups
-- ARGV  1 epoch of the rebuild  2... records of reservations, and top-ups as movements of stock, JSON
-- OUTPUT  { word }, words in order of precedence:
--   again       the sale is published
--   superseded  a later rebuild has begun
--   restored    done
local sale, stock, rebuild, waitlist, lobby, released, inside, reservations, shoppers, holds, claims, outbox, topups =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12],
  KEYS[13]
local epoch, records = tonumber(ARGV[1]), { unpack(ARGV, 2) }

if redis.call('HEXISTS', sale, 'epoch') == 1 then return { 'again' } end
local begun = tonumber(redis.call('GET', rebuild)) or 0
if begun > epoch then return { 'superseded' } end
if begun < epoch then
  redis.call('SET', rebuild, epoch)
  redis.call('DEL', sale, stock, waitlist, lobby, released, inside, reservations, shoppers, holds, claims, outbox,
    topups)
end
for _, text in ipairs(records) do
  local record = cjson.decode(text)
  if record.state == 'moved' then
    redis.call('HSET', topups, record.id, text)
  elseif redis.call('HSETNX', reservations, record.id, text) == 1 then
    if record.state == 'held' or record.state == 'confirmed' then
      for _, line in ipairs(record.lines) do
        redis.call('HINCRBY', shoppers, record.shopper .. '/' .. line.sku, line.quantity)
      end
    end
    if record.slotUntilMs and record.state ~= 'released' and record.state ~= 'expired' then
      redis.call('HSET', claims, record.shopper, record.id)
    end
    if record.state == 'held' then
      redis.call('HSET', shoppers, record.shopper, record.id)
      redis.call('ZADD', holds, record.expiresAtMs, record.id)
      redis.call('ZADD', inside, record.expiresAtMs, record.shopper)
    end
  end
end
return { 'restored' }
