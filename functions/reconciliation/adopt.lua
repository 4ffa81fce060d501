#!lua flags=allow-key-locking
-- Makes a reservation what Postgres knows it to be, where Redis has lost it or a change of it.
-- Guarantee: its units move in this one call, from where Redis had them to where they belong. A hold whose units somebody
-- else has is over, which Postgres hears of. An order is one all the same, because Postgres refuses whoever has its units
-- now: then more is confirmed than there is, and the latest order goes back (refund_latest). One that used a slot uses it
-- again: its unit is still set aside where Redis has forgotten that.
--
-- KEYS  1 sale  2 stock  3 reservations  4 shoppers  5 holds  6 claims  7 outbox
-- ARGV  1 the record as Postgres knows it, JSON  2 the state that Redis was seen to have ('' for none)
-- OUTPUT  { word }, words in order of precedence:
--   missing  this Redis does not know the sale
--   moved    it has another state by now
--   ended    a hold's units are not available: it is over
--   adopted  done
local sale, stock, reservations, shoppers, holds, claims, outbox =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local record, seen = cjson.decode(ARGV[1]), ARGV[2]

if redis.call('HEXISTS', sale, 'epoch') == 0 then return { 'missing' } end
local before = redis.call('HGET', reservations, record.id)
local state = before and cjson.decode(before).state or ''
if state ~= seen then return { 'moved' } end
local function accountOf(name)
  return (name == 'held' or name == 'confirmed') and name or 'available'
end
local from, to, isShort = accountOf(state), accountOf(record.state), false
if record.slotUntilMs and to ~= 'available' and redis.call('HSETNX', claims, record.shopper, record.id) == 1 then
  local sku = record.lines[1].sku
  if (tonumber(redis.call('HGET', stock, 'slots:' .. sku)) or 0) > 0 then
    redis.call('HINCRBY', stock, 'slots', -1)
    redis.call('HINCRBY', stock, 'slots:' .. sku, -1)
    redis.call('HINCRBY', stock, 'available', 1)
    redis.call('HINCRBY', stock, 'available:' .. sku, 1)
  end
end
if from == 'available' and to ~= 'available' then
  for _, line in ipairs(record.lines) do
    if tonumber(redis.call('HGET', stock, 'available:' .. line.sku)) < line.quantity then isShort = true end
  end
  if isShort and to == 'held' then
    to, record.state = 'available', 'expired'
    redis.call('XADD', outbox, '*', 'event', cjson.encode(record))
  end
end

local owns = (to == 'available' and 0 or 1) - (from == 'available' and 0 or 1)
for _, line in ipairs(record.lines) do
  local taken = -line.quantity
  if isShort and to == 'confirmed' then
    taken = math.max(taken, 0 - redis.call('HGET', stock, 'available:' .. line.sku))
  end
  redis.call('HINCRBY', stock, from .. ':' .. line.sku, taken)
  redis.call('HINCRBY', stock, to .. ':' .. line.sku, line.quantity)
  redis.call('HINCRBY', shoppers, record.shopper .. '/' .. line.sku, owns * line.quantity)
  if from == 'available' then redis.call('HINCRBY', stock, 'available', taken) end
  if to == 'available' then redis.call('HINCRBY', stock, 'available', line.quantity) end
  if from == 'confirmed' then redis.call('HINCRBY', stock, 'unsold', line.quantity) end
  if to == 'confirmed' then redis.call('HINCRBY', stock, 'unsold', -line.quantity) end
end
if to == 'held' then
  redis.call('HSET', shoppers, record.shopper, record.id)
  redis.call('ZADD', holds, record.expiresAtMs, record.id)
else
  redis.call('ZREM', holds, record.id)
end
redis.call('HSET', reservations, record.id, cjson.encode(record))
if tonumber(redis.call('HGET', stock, 'unsold')) <= 0 then
  redis.call('HSET', sale, 'soldOut', '1')
else
  redis.call('HDEL', sale, 'soldOut')
end
if isShort and record.state == 'expired' then return { 'ended' } end
return { 'adopted' }
