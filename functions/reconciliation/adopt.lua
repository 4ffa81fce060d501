#!lua flags=allow-key-locking
-- Makes a reservation what Postgres knows it to be, where Redis has lost it or a change of it.
-- Guarantee: its units move in this one call, from where Redis had them to where they belong. A hold whose units somebody
-- else has is over, which Postgres hears of. An order is one all the same, because Postgres refuses whoever has its units
-- now: then what is available falls below zero by what is sold twice, so that units that come back are not sold again, and
-- the latest order goes back once more is confirmed than there is (refund_latest). One that used a slot uses it again: its
-- unit is still set aside where Redis has forgotten that.
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
local text = redis.call('HGET', reservations, record.id)
local before = text and cjson.decode(text) or { state = '', lines = {} }
if before.state ~= seen then return { 'moved' } end
local function accountOf(name)
  return (name == 'held' or name == 'confirmed') and name or 'available'
end
local function move(one, line, account, units)
  redis.call('HINCRBY', stock, account .. ':' .. line.sku, units)
  redis.call('HINCRBY', shoppers, one.shopper .. '/' .. line.sku, units)
  if account == 'confirmed' then redis.call('HINCRBY', stock, 'unsold', -units) end
end
local function free(sku, units)
  redis.call('HINCRBY', stock, 'available', units)
  redis.call('HINCRBY', stock, 'available:' .. sku, units)
end

-- What Redis had: by its own record, which may be another's where an id was used again after a loss.
local from, to = accountOf(before.state), accountOf(record.state)
if from ~= 'available' then
  for _, line in ipairs(before.lines) do
    move(before, line, from, -line.quantity)
    free(line.sku, line.quantity)
  end
  if redis.call('HGET', shoppers, before.shopper) == record.id then redis.call('HDEL', shoppers, before.shopper) end
end

-- What it should have.
if record.slotUntilMs and to ~= 'available' and redis.call('HSETNX', claims, record.shopper, record.id) == 1 then
  local sku = record.lines[1].sku
  if (tonumber(redis.call('HGET', stock, 'slots:' .. sku)) or 0) > 0 then
    redis.call('HINCRBY', stock, 'slots', -1)
    redis.call('HINCRBY', stock, 'slots:' .. sku, -1)
    free(sku, 1)
  end
end
local isShort = false
if to ~= 'available' then
  for _, line in ipairs(record.lines) do
    if tonumber(redis.call('HGET', stock, 'available:' .. line.sku)) < line.quantity then isShort = true end
  end
end
if isShort and to == 'held' then
  to, record.state = 'available', 'expired'
  redis.call('XADD', outbox, '*', 'event', cjson.encode(record))
end
if to ~= 'available' then
  for _, line in ipairs(record.lines) do
    move(record, line, to, line.quantity)
    free(line.sku, -line.quantity)
  end
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
if isShort and to == 'available' then return { 'ended' } end
return { 'adopted' }
