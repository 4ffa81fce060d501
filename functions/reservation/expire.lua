#!lua flags=allow-key-locking
-- Ends holds that are past their end, the oldest first. One whose payment has begun is kept for another moment and named,
-- so that whoever called closes the payment and calls again with it.
-- Guarantee: the units of a hold return once, by the transition held -> expired, and not while they may be being paid for;
-- a hold whose record says otherwise is only taken off the list. The unit of a slot is its holder's again, until the slot
-- ends or was given up.
--
-- KEYS  1 stock  2 inside  3 reservations  4 shoppers  5 holds  6 claims  7 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 how many at the most  3 for how long (ms) a hold with a payment is kept
--       4... ids whose payment is closed: they end, and nothing else is looked at
-- OUTPUT  { expired, seen, { record, ... } }: how many ended now; how many were looked at, so that a full batch says there
--         may be more; the records whose payment is to be closed, JSON
local stock, inside, reservations, shoppers, holds, claims, outbox =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local most, keepMs, closed = tonumber(ARGV[2]), tonumber(ARGV[3]), { unpack(ARGV, 4) }
-- Fields of one variadic command: with their values, well under Lua's limit of about 8,000 arguments.
local CHUNK = 1000
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local ids = closed
if #ids == 0 then ids = redis.call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', 0, most) end
-- While a rebuild brings the records of a lost sale back there is no stock yet.
if #ids == 0 or redis.call('EXISTS', stock) == 0 then return { 0, 0, {} } end

-- What changes is summed first, so that the commands do not grow with the holds (but for their outbox entries).
local records, stockBy, ownedBy, expired = redis.call('HMGET', reservations, unpack(ids)), {}, {}, {}
local over, paying, kept, room, unclaimed, setAside = {}, {}, {}, {}, {}, {}
local function add(sums, field, quantity) sums[field] = (sums[field] or 0) + quantity end
for i, id in ipairs(ids) do
  local record = records[i] and cjson.decode(records[i])
  local isHeld = record and record.state == 'held'
  if isHeld and record.returnTo and #closed == 0 then
    paying[#paying + 1] = records[i]
    kept[#kept + 1], kept[#kept + 2] = now + keepMs, id
    room[#room + 1], room[#room + 2] = now + keepMs, record.shopper
  else
    over[#over + 1] = id
  end
  if isHeld and (not record.returnTo or #closed > 0) then
    record.state, record.changedAtMs = 'expired', now
    expired[#expired + 1], expired[#expired + 2] = id, cjson.encode(record)
    local claim = record.slotUntilMs and redis.call('HGET', claims, record.shopper) or ''
    local isGivenUp = string.sub(claim, -1) == '!'
    if isGivenUp then redis.call('HSET', claims, record.shopper, '-') end
    local keepsSlot = (record.slotUntilMs or 0) > now and not isGivenUp
    local home = keepsSlot and 'slots' or 'available'
    if keepsSlot then
      unclaimed[#unclaimed + 1] = record.shopper
      setAside[#setAside + 1] = cjson.encode({ state = 'moved', from = 'available', to = 'slots',
        lines = { { sku = record.lines[1].sku, quantity = 1 } }, changedAtMs = now })
    end
    for _, line in ipairs(record.lines) do
      add(stockBy, home, line.quantity)
      if not keepsSlot then add(stockBy, 'returned', line.quantity) end
      add(stockBy, home .. ':' .. line.sku, line.quantity)
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
  for _, event in ipairs(setAside) do redis.call('XADD', outbox, '*', 'event', event) end
end
if #unclaimed > 0 then redis.call('HDEL', claims, unpack(unclaimed)) end
if #over > 0 then redis.call('ZREM', holds, unpack(over)) end
if #kept > 0 then
  redis.call('ZADD', holds, 'XX', unpack(kept))
  redis.call('ZADD', inside, unpack(room))
end
return { #expired / 2, #ids, paying }
