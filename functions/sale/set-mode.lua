#!lua flags=allow-key-locking
-- Sets the operator's mode. It counts from the next tick: people released before keep what they have.
-- Guarantee: an emptied Redis does not come to look like one that knows the sale.
--
-- KEYS  1 sale
-- ARGV  1 now (ms, '' for Redis TIME)  2 mode
-- OUTPUT  { word, mode before }, words in order of precedence:
--   missing     this Redis does not know the sale
--   sale_ended  the sale is closed
--   set         done
local sale, mode = KEYS[1], ARGV[2]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'mode', 'closesAtMs')
if not rules[1] then return { 'missing', '' } end
if now >= tonumber(rules[2]) then return { 'sale_ended', rules[1] } end
redis.call('HSET', sale, 'mode', mode)
return { 'set', rules[1] }
