#!lua flags=allow-key-locking
-- Gives a held reservation back before its end.
-- Guarantee: its units return once, by the transition held -> released, never by a bare increment. The unit of a slot is
-- its holder's again, until the slot ends or was given up.
--
-- KEYS  1 stock  2 inside  3 released  4 reservations  5 shoppers  6 holds  7 claims  8 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id  3 shopper  4 whether its payment was closed ('1' or '')
-- OUTPUT  { word, record as JSON where it is paying }, words in order of precedence:
--   not_found          there is no such reservation of this shopper, or this Redis does not know the sale
--   already_confirmed  it is an order
--   again              it had ended before
--   paying             a payment has begun: close it, then call again
--   released           its units are available now
local stock, inside, released, reservations, shoppers, holds, claims, outbox =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local id, shopper, closed = ARGV[2], ARGV[3], ARGV[4] == '1'
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local before = redis.call('HGET', reservations, id)
local record = before and cjson.decode(before)
if not record or record.shopper ~= shopper then return { 'not_found' } end
if record.state == 'confirmed' or record.state == 'refunded' then return { 'already_confirmed' } end
if record.state ~= 'held' then return { 'again' } end
if record.returnTo and not closed then return { 'paying', before } end

local claim = record.slotUntilMs and redis.call('HGET', claims, shopper) or ''
local isGivenUp = string.sub(claim, -1) == '!'
local keepsSlot = (record.slotUntilMs or 0) > now and not isGivenUp
local home = keepsSlot and 'slots' or 'available'
local fields, mine, sum = { home, 'returned' }, {}, 0
for i, line in ipairs(record.lines) do
  fields[2 * i + 1], fields[2 * i + 2] = home .. ':' .. line.sku, 'held:' .. line.sku
  mine[i] = shopper .. '/' .. line.sku
  sum = sum + line.quantity
end
local counts, has = redis.call('HMGET', stock, unpack(fields)), redis.call('HMGET', shoppers, unpack(mine))
-- While a rebuild brings the records of a lost sale back there is no stock yet.
if not counts[1] then return { 'not_found' } end
local returned, owned = {}, {}
for i, line in ipairs(record.lines) do
  returned[#returned + 1], returned[#returned + 2] = fields[2 * i + 1], counts[2 * i + 1] + line.quantity
  returned[#returned + 1], returned[#returned + 2] = fields[2 * i + 2], counts[2 * i + 2] - line.quantity
  owned[#owned + 1], owned[#owned + 2] = mine[i], has[i] - line.quantity
end
record.state, record.changedAtMs = 'released', now
local after = cjson.encode(record)
redis.call('HSET', stock, home, counts[1] + sum, 'returned', counts[2] + (keepsSlot and 0 or sum), unpack(returned))
redis.call('HSET', shoppers, unpack(owned))
redis.call('HSET', reservations, id, after)
redis.call('ZREM', holds, id)
-- The hold may have kept the room for longer than the pass does, or for somebody who left.
local passExpiresAt = string.match(redis.call('HGET', released, shopper) or '', '|(%d+)$')
if passExpiresAt then
  redis.call('ZADD', inside, 'XX', passExpiresAt, shopper)
else
  redis.call('ZREM', inside, shopper)
end
redis.call('XADD', outbox, '*', 'event', after)
if isGivenUp then redis.call('HSET', claims, shopper, '-') end
if keepsSlot then
  redis.call('HDEL', claims, shopper)
  redis.call('XADD', outbox, '*', 'event', cjson.encode({ state = 'moved', from = 'available', to = 'slots',
    lines = { { sku = record.lines[1].sku, quantity = 1 } }, changedAtMs = now }))
end
return { 'released' }
