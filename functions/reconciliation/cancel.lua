#!lua flags=allow-key-locking
-- Takes an order back: its units are available again, as far as nobody else has them.
-- Guarantee: by the transition confirmed -> refunded, so once; an item's counters add up afterwards, whatever they did
-- before; the changes that Postgres lacks go into the outbox together.
--
-- KEYS  1 sale  2 stock  3 reservations  4 shoppers  5 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id  3 the state that Postgres knows ('' for none)
-- OUTPUT  { word }, words in order of precedence:
--   missing        this Redis does not know the sale
--   not_found      there is no such reservation
--   again          taken back before
--   not_confirmed  it is no order
--   cancelled      done
local sale, stock, reservations, shoppers, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, known = ARGV[2], ARGV[3]
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

for _, line in ipairs(record.lines) do
  local sku, quantity = line.sku, line.quantity
  local units = redis.call('HMGET', stock, 'stock:' .. sku, 'slots:' .. sku, 'held:' .. sku, 'confirmed:' .. sku,
    'available:' .. sku)
  local confirmed = units[4] - quantity
  local available = units[1] - units[2] - units[3] - confirmed
  redis.call('HSET', stock, 'confirmed:' .. sku, confirmed, 'available:' .. sku, available)
  redis.call('HINCRBY', stock, 'available', available - units[5])
  redis.call('HINCRBY', stock, 'unsold', quantity)
  redis.call('HINCRBY', shoppers, record.shopper .. '/' .. sku, -quantity)
end
if tonumber(redis.call('HGET', stock, 'unsold')) > 0 then redis.call('HDEL', sale, 'soldOut') end
local function tell(state)
  record.state = state
  redis.call('XADD', outbox, '*', 'event', cjson.encode(record))
end
if known ~= 'held' and known ~= 'confirmed' then tell('held') end
if known ~= 'confirmed' then tell('confirmed') end
record.changedAtMs = now
tell('refunded')
redis.call('HSET', reservations, id, cjson.encode(record))
return { 'cancelled' }
