#!lua flags=allow-key-locking
-- Gives a shopper a place in line: the next number, in the order calls arrive here.
-- Guarantee: one shopper, one place. A repeated call answers the first place; a ticket from before Redis was lost
-- gets its old number back, ahead of everybody who came later.
--
-- KEYS  1 sale  2 waitlist  3 released
-- ARGV  1 now (ms, '' for Redis TIME)  2 shopper  3 number of the old ticket (0 without)  4 its epoch (0 without)
-- OUTPUT  { word, number, epoch, nowMs, nextTickMs }, words in order of precedence:
--   missing   this Redis does not know the sale
--   again     the shopper has this place already
--   on_hold   the mode is reject or drain
--   not_open  the line does not take people yet; instead of a number, the time (ms) from when it will
--   closed    the sale has ended
--   sold_out  nothing is left and nothing can come back
--   joined    a new place
local sale, waitlist, released = KEYS[1], KEYS[2], KEYS[3]
local shopper, oldNumber, oldEpoch = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'lobbyOpensAtMs', 'opensAtMs', 'closesAtMs', 'everyMs',
  'lastTick', 'lastNumber', 'unsold')
if not rules[1] then return { 'missing', 0, 0, now, 0 } end
local epoch, mode, lobbyOpensAt = tonumber(rules[1]), rules[2], tonumber(rules[3])
local nextTick = rules[4] + (rules[7] + 1) * rules[6]

local place = tonumber(redis.call('ZSCORE', waitlist, shopper))
if not place then
  local entry = redis.call('HGET', released, shopper)
  place = entry and tonumber(string.match(entry, '^%d+'))
end
if place then return { 'again', place, epoch, now, nextTick } end

if mode == 'reject' or mode == 'drain' then return { 'on_hold', 0, epoch, now, nextTick } end
if now < lobbyOpensAt then return { 'not_open', lobbyOpensAt, epoch, now, nextTick } end
if now >= tonumber(rules[5]) then return { 'closed', 0, epoch, now, nextTick } end
if tonumber(rules[9]) <= 0 then return { 'sold_out', 0, epoch, now, nextTick } end

local number
if oldNumber > 0 and oldEpoch < epoch then
  number = oldNumber
  if number > tonumber(rules[8]) then redis.call('HSET', sale, 'lastNumber', number) end
else
  number = redis.call('HINCRBY', sale, 'lastNumber', 1)
end
redis.call('ZADD', waitlist, number, shopper)
return { 'joined', number, epoch, now, nextTick }
