#!lua flags=allow-key-locking
-- Sets what an operator may change while a sale runs. It counts from the next tick: people released before keep what
-- they have, ticks that passed on hold are not made up for, and a new size does not count for ticks before it.
-- Guarantee: an emptied Redis does not come to look like one that knows the sale.
--
-- KEYS  1 sale
-- ARGV  1 now (ms, '' for Redis TIME)  2 rule (mode or releaseSize)  3 value
-- OUTPUT  { word, value before }, words in order of precedence:
--   missing     this Redis does not know the sale
--   sale_ended  the sale is closed
--   set         done
local sale = KEYS[1]
local rule, value = ARGV[2], ARGV[3]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, rule, 'closesAtMs', 'opensAtMs', 'everyMs', 'lastTick')
if not rules[1] then return { 'missing', '' } end
if now >= tonumber(rules[2]) then return { 'sale_ended', rules[1] } end
local tick = math.floor((now - rules[3]) / rules[4])
redis.call('HSET', sale, rule, value, 'lastTick', math.max(tonumber(rules[5]), tick))
return { 'set', rules[1] }
