#!lua flags=allow-key-locking
-- Returns units set aside to the general stock: those of slots that nobody was given, or whose holder gave them up, and at
-- `claimUntil` all that nobody claimed.
-- Guarantee: each unit returns once. What stays set aside is what the slots given are still good for, whoever calls and
-- however often: their number less those claimed or given up, and nothing from `claimUntil` on.
--
-- KEYS  1 sale  2 stock  3 claims  4 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 how many slots were given ('' while that is not decided, or not known here)
--       3 over how many numbers they were drawn ('' without a draw)  4... shoppers who gave their slot up
-- OUTPUT  { word, units returned }, words in order of precedence:
--   missing   this Redis does not know the sale
--   returned  done
local sale, stock, claims, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, given, drawn = tonumber(ARGV[1]), ARGV[2], ARGV[3]
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'claimUntilMs', 'slotsGiven')
if not rules[1] then return { 'missing', 0 } end
if given == '' then
  given = rules[3]
elseif drawn == '' then
  redis.call('HSET', sale, 'slotsGiven', given)
else
  redis.call('HSET', sale, 'slotsGiven', given, 'slotDrawCount', drawn)
end
for _, shopper in ipairs({ unpack(ARGV, 4) }) do
  -- One that is being used is given up when its hold ends.
  local claim = redis.call('HGET', claims, shopper)
  if not claim then
    redis.call('HSET', claims, shopper, '-')
  elseif not string.match(claim, '[-!]$') then
    redis.call('HSET', claims, shopper, claim .. '!')
  end
end

local counts, slots, available, total = redis.call('HGETALL', stock), {}, {}, { slots = 0, available = 0 }
for i = 1, #counts, 2 do
  local field, count = counts[i], tonumber(counts[i + 1])
  local account, sku = string.match(field, '^(%a+):(.+)')
  if account == 'slots' and count > 0 then slots[#slots + 1] = { sku = sku, count = count } end
  if account == 'available' then available[sku] = count end
  if total[field] then total[field] = count end
end
local stay = total.slots
if given then stay = math.max(0, given - redis.call('HLEN', claims)) end
if now >= tonumber(rules[2]) then stay = 0 end

-- Of each item in proportion, and what rounding leaves from the first.
local surplus, lines, changed = total.slots - stay, {}, {}
if surplus <= 0 then return { 'returned', 0 } end
local rest = surplus
for _, item in ipairs(slots) do
  item.back = math.floor(item.count * surplus / total.slots)
  rest = rest - item.back
end
for _, item in ipairs(slots) do
  local more = math.min(rest, item.count - item.back)
  item.back, rest = item.back + more, rest - more
  if item.back > 0 then
    lines[#lines + 1] = { sku = item.sku, quantity = item.back }
    changed[#changed + 1], changed[#changed + 2] = 'slots:' .. item.sku, item.count - item.back
    changed[#changed + 1], changed[#changed + 2] = 'available:' .. item.sku, available[item.sku] + item.back
  end
end
redis.call('HSET', stock, 'slots', stay, 'available', total.available + surplus, unpack(changed))
redis.call('XADD', outbox, '*', 'event', cjson.encode({ state = 'moved', from = 'slots', to = 'available', lines = lines,
  changedAtMs = now }))
return { 'returned', surplus }
