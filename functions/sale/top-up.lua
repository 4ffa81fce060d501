#!lua flags=allow-key-locking
-- Adds units to an item while the sale runs, which is not sold out any more then.
-- Guarantee: units with the same id come once; stock and outbox entry change in this one call or not at all.
--
-- KEYS  1 sale  2 stock  3 topups  4 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 id  3 sku  4 units  5 units an item has at the most
-- OUTPUT  { word, stock of the item then }, words in order of precedence:
--   again               added before
--   conflicting_replay  the id was used for other units
--   missing             this Redis does not know the sale
--   sale_ended          the sale is closed
--   unknown_sku         the sale has no such item
--   too_many            the item would have more than an item may have
--   added               done
local sale, stock, topups, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, sku, units, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local has = tonumber(redis.call('HGET', stock, 'stock:' .. sku)) or 0
local before = redis.call('HGET', topups, id)
if before then
  local line = cjson.decode(before).lines[1]
  if line.sku == sku and line.quantity == units then return { 'again', has } end
  return { 'conflicting_replay', has }
end
local closesAt = tonumber(redis.call('HGET', sale, 'closesAtMs'))
if not closesAt then return { 'missing', 0 } end
if now >= closesAt then return { 'sale_ended', has } end
if redis.call('HEXISTS', stock, 'stock:' .. sku) == 0 then return { 'unknown_sku', 0 } end
if has + units > most then return { 'too_many', has } end

local event = cjson.encode({ id = id, state = 'moved', from = 'supply', to = 'available',
  lines = { { sku = sku, quantity = units } }, changedAtMs = now })
redis.call('HSET', topups, id, event)
redis.call('HINCRBY', stock, 'available:' .. sku, units)
redis.call('HINCRBY', stock, 'stock:' .. sku, units)
redis.call('HINCRBY', stock, 'available', units)
redis.call('HINCRBY', stock, 'supplied', units)
redis.call('HINCRBY', stock, 'unsold', units)
redis.call('HDEL', sale, 'soldOut')
redis.call('XADD', outbox, '*', 'event', event)
return { 'added', has + units }
