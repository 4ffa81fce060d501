#!lua flags=allow-key-locking
-- Sets what an operator may change while a sale runs. It counts from the next tick: people released before keep what
-- they have, ticks that passed on hold are not made up for, and a new size does not count for ticks before it.
-- `pause` is the mode hold, and remembers the mode before; `resume` brings that back from hold, and changes no other mode.
-- Guarantee: an emptied Redis does not come to look like one that knows the sale.
--
-- KEYS  1 sale
-- ARGV  1 now (ms, '' for Redis TIME)  2 rule (mode, releaseSize, pause or resume)  3 value ('' to pause and to resume)
-- OUTPUT  { word, value before, value now }, words in order of precedence:
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

local asked = rule
if asked == 'pause' or asked == 'resume' then rule = 'mode' end
local rules = redis.call('HMGET', sale, rule, 'closesAtMs', 'opensAtMs', 'everyMs', 'lastTick', 'modeBefore')
local before, remembered = rules[1], rules[6]
if not before then return { 'missing', '', '' } end
if now >= tonumber(rules[2]) then return { 'sale_ended', before, before } end
if asked == 'pause' then value = 'hold' end
if asked == 'resume' then value = before == 'hold' and (remembered or 'normal') or before end
local tick = math.floor((now - rules[3]) / rules[4])
redis.call('HSET', sale, rule, value, 'lastTick', math.max(tonumber(rules[5]), tick))
if asked == 'pause' and before ~= 'hold' then redis.call('HSET', sale, 'modeBefore', before) end
if remembered and rule == 'mode' and value ~= 'hold' then redis.call('HDEL', sale, 'modeBefore') end
return { 'set', before, value }
