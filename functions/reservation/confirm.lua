#!lua flags=allow-key-locking
-- Turns a hold into an order.
-- Guarantee: a reservation is confirmed at most once, and only while its hold lasts; the shopper's room inside is free
-- at once. A repeated call answers the record as it stands.
--
-- KEYS  1 sale  2 stock  3 inside  4 reservations  5 holds  6 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id  3 shopper  4 amount authorised (minor units, 0 for none)
-- OUTPUT  { word, record as JSON }, words in order of precedence:
--   not_found            there is no such reservation of this shopper; no record
--   again                confirmed before
--   reservation_expired  given back, or the hold has ended
--   payment_needed       less than the total is authorised
--   confirmed            it is an order now
local sale, stock, inside, reservations, holds, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, shopper, authorised = ARGV[2], ARGV[3], tonumber(ARGV[4])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local before = redis.call('HGET', reservations, id)
local record = before and cjson.decode(before)
if not record or record.shopper ~= shopper then return { 'not_found' } end
if record.state == 'confirmed' then return { 'again', before } end
if record.state ~= 'held' or record.expiresAtMs <= now then return { 'reservation_expired', before } end
if authorised < record.total then return { 'payment_needed', before } end

local fields, sum = {}, 0
for i, line in ipairs(record.lines) do
  fields[2 * i - 1], fields[2 * i] = 'held:' .. line.sku, 'confirmed:' .. line.sku
  sum = sum + line.quantity
end
local counts, moved = redis.call('HMGET', stock, unpack(fields)), {}
for i, line in ipairs(record.lines) do
  moved[#moved + 1], moved[#moved + 2] = fields[2 * i - 1], counts[2 * i - 1] - line.quantity
  moved[#moved + 1], moved[#moved + 2] = fields[2 * i], counts[2 * i] + line.quantity
end
record.state, record.changedAtMs = 'confirmed', now
local after = cjson.encode(record)
redis.call('HSET', stock, unpack(moved))
redis.call('HINCRBY', sale, 'unsold', -sum)
redis.call('HSET', reservations, id, after)
redis.call('ZREM', holds, id)
redis.call('ZREM', inside, shopper)
redis.call('XADD', outbox, '*', 'event', after)
return { 'confirmed', after }
