#!lua flags=allow-key-locking
-- Puts the units of an order that was refunded back into the sale, which is not sold out any more then.
-- Guarantee: its units return once, by the transition confirmed -> refunded.
--
-- KEYS  1 sale  2 stock  3 reservations  4 shoppers  5 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id
-- OUTPUT  { word }, words in order of precedence:
--   missing        this Redis does not know the sale
--   not_found      there is no such reservation
--   again          refunded before
--   not_confirmed  it is no order
--   refunded       its units are available now
local sale, stock, reservations, shoppers, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id = ARGV[2]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

if redis.call('HEXISTS', sale, 'epoch') == 0 then return { 'missing' } end
local before = redis.call('HGET', reservations, id)
if not before then return { 'not_found' } end
local record = cjson.decode(before)
if record.state == 'refunded' then return { 'again' } end
if record.state ~= 'confirmed' then return { 'not_confirmed' } end

local sum = 0
for _, line in ipairs(record.lines) do
  redis.call('HINCRBY', stock, 'available:' .. line.sku, line.quantity)
  redis.call('HINCRBY', stock, 'confirmed:' .. line.sku, -line.quantity)
  redis.call('HINCRBY', shoppers, record.shopper .. '/' .. line.sku, -line.quantity)
  sum = sum + line.quantity
end
record.state, record.changedAtMs = 'refunded', now
local after = cjson.encode(record)
redis.call('HINCRBY', stock, 'available', sum)
redis.call('HINCRBY', stock, 'returned', sum)
redis.call('HINCRBY', stock, 'unsold', sum)
redis.call('HDEL', sale, 'soldOut')
redis.call('HSET', reservations, id, after)
redis.call('XADD', outbox, '*', 'event', after)
return { 'refunded' }
