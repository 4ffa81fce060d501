#!lua flags=allow-key-locking
-- Ends holds that are past their end, the oldest first.
-- Guarantee: the units of a hold return once, by the transition held -> expired; a hold whose record says otherwise
-- is only taken off the list.
--
-- KEYS  1 stock  2 reservations  3 shoppers  4 holds  5 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 how many at the most
-- OUTPUT  { expired, seen }: how many ended now; how many were looked at, so that a full batch says there may be more
local stock, reservations, shoppers, holds, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local most = tonumber(ARGV[2])
-- Fields of one variadic command: with their values, well under Lua's limit of about 8,000 arguments.
local CHUNK = 1000
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local ids = redis.call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', 0, most)
if #ids == 0 then return { 0, 0 } end

-- What changes is summed first, so that the commands do not grow with the holds (but for their outbox entries).
local records, stockBy, ownedBy, expired = redis.call('HMGET', reservations, unpack(ids)), {}, {}, {}
local function add(sums, field, quantity) sums[field] = (sums[field] or 0) + quantity end
for i, id in ipairs(ids) do
  local record = records[i] and cjson.decode(records[i])
  if record and record.state == 'held' then
    record.state, record.changedAtMs = 'expired', now
    expired[#expired + 1], expired[#expired + 2] = id, cjson.encode(record)
    for _, line in ipairs(record.lines) do
      add(stockBy, 'available', line.quantity)
      add(stockBy, 'returned', line.quantity)
      add(stockBy, 'available:' .. line.sku, line.quantity)
      add(stockBy, 'held:' .. line.sku, -line.quantity)
      add(ownedBy, record.shopper .. '/' .. line.sku, -line.quantity)
    end
  end
end

local function apply(key, sums)
  local fields = {}
  for field in pairs(sums) do fields[#fields + 1] = field end
  for first = 1, #fields, CHUNK do
    local last, changes = math.min(first + CHUNK - 1, #fields), {}
    local counts = redis.call('HMGET', key, unpack(fields, first, last))
    for i = first, last do
      changes[#changes + 1], changes[#changes + 2] = fields[i], counts[i - first + 1] + sums[fields[i]]
    end
    redis.call('HSET', key, unpack(changes))
  end
end
if #expired > 0 then
  apply(stock, stockBy)
  apply(shoppers, ownedBy)
  redis.call('HSET', reservations, unpack(expired))
  for i = 2, #expired, 2 do redis.call('XADD', outbox, '*', 'event', expired[i]) end
end
redis.call('ZREM', holds, unpack(ids))
return { #expired / 2, #ids }
