#!lua flags=allow-key-locking
-- Gives units of an item that are still set aside as slots back into the sale, when the time to claim them is over.
-- Guarantee: units, totals and outbox entry change in this one call; repeating it finds nothing to give back.
--
-- KEYS  1 sale  2 stock  3 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 sku  3 id of the movement
-- OUTPUT  { word, units given back }, words in order of precedence:
--   missing  this Redis does not know the sale
--   freed    done
local sale, stock, outbox = KEYS[1], KEYS[2], KEYS[3]
local sku, id = ARGV[2], ARGV[3]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

if redis.call('HEXISTS', sale, 'epoch') == 0 then return { 'missing', 0 } end
local slots = tonumber(redis.call('HGET', stock, 'slots:' .. sku)) or 0
if slots > 0 then
  redis.call('HINCRBY', stock, 'slots:' .. sku, -slots)
  redis.call('HINCRBY', stock, 'available:' .. sku, slots)
  redis.call('HINCRBY', stock, 'available', slots)
  redis.call('XADD', outbox, '*', 'event', cjson.encode({ id = id, state = 'moved', from = 'slots', to = 'available',
    lines = { { sku = sku, quantity = slots } }, changedAtMs = now }))
end
return { 'freed', slots }
