#!lua flags=allow-key-locking
-- Lets a shopper in whose turn has come.
-- Guarantee: nobody comes in before their turn, and never more than `capacity` are inside. Who missed the turn is not
-- sent to the back: with room (beyond that for those who wait at smaller numbers) they come in at once, without it they
-- wait at their old number, before all newer ones.
-- A repeated call answers the first pass for as long as it lasts.
--
-- KEYS  1 sale  2 waitlist  3 lobby  4 released  5 inside  6 stock  7 holds
-- ARGV  1 now (ms, '' for Redis TIME)  2 shopper  3 the ticket's number  4 the ticket's epoch
-- OUTPUT  { word, number, epoch, nowMs, passExpiresAtMs, nextTickMs }, words in order of precedence:
--   missing         this Redis does not know the sale
--   closed          the sale has ended
--   outdated        the ticket is from before Redis was lost: joining with it gives its number back
--   invalid_ticket  the ticket is of an epoch that has not come
--   on_hold         the mode is reject
--   again           the pass given before
--   entered         a new pass
--   sold_out        nothing is left and nothing can come back
--   invalid_ticket  the shopper gave up this place
--   not_your_turn   wait; the next release is due at nextTickMs
local sale, waitlist, lobby, released, inside, stock, holds =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local shopper, ticketNumber, ticketEpoch = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'opensAtMs', 'closesAtMs', 'everyMs', 'lastTick', 'capacity',
  'passMs', 'soldOut', 'nowServing')
if not rules[1] then return { 'missing', 0, 0, now, 0, 0 } end
local epoch, mode, closesAt = tonumber(rules[1]), rules[2], tonumber(rules[4])
local nextTick = rules[3] + (rules[6] + 1) * rules[5]
local function answer(word, number, passExpiresAt)
  return { word, number, epoch, now, passExpiresAt or 0, nextTick }
end
if now >= closesAt then return answer('closed', ticketNumber) end
if ticketEpoch < epoch then return answer('outdated', ticketNumber) end
if ticketEpoch > epoch then return answer('invalid_ticket', ticketNumber) end
if mode == 'reject' then return answer('on_hold', ticketNumber) end

local entry = redis.call('HGET', released, shopper)
local number, passExpiresAt
if entry then
  number, passExpiresAt = string.match(entry, '^(%d+)|?(%d*)')
  number, passExpiresAt = tonumber(number), tonumber(passExpiresAt) or 0
end

local function admit(insideUntil)
  local expiresAt = math.min(now + rules[8], closesAt)
  redis.call('HSET', released, shopper, string.format('%d|%d', number, expiresAt))
  redis.call('ZADD', inside, math.max(expiresAt, insideUntil), shopper)
  return answer('entered', number, expiresAt)
end

local insideUntil = entry and tonumber(redis.call('ZSCORE', inside, shopper)) or 0
if insideUntil > now then
  if passExpiresAt > now then return answer('again', number, passExpiresAt) end
  return admit(insideUntil)
end
if rules[9] then return answer('sold_out', number or ticketNumber) end

if not entry then
  number = tonumber(redis.call('ZSCORE', waitlist, shopper))
  if not number and redis.call('ZSCORE', lobby, shopper) then return answer('not_your_turn', ticketNumber) end
  if not number then return answer('invalid_ticket', ticketNumber) end
  if number > tonumber(rules[10]) then return answer('not_your_turn', number) end
  -- A hold that a rebuild brought back has its room and its units already.
  insideUntil = tonumber(redis.call('ZSCORE', inside, shopper)) or 0
  if insideUntil > now then
    redis.call('ZREM', waitlist, shopper)
    return admit(insideUntil)
  end
end

-- Their turn was before: it or the pass has ended, an order was completed, or Redis was lost in between.
if mode == 'normal' or mode == 'passthrough' then
  redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
  local active = redis.call('ZCARD', inside)
  local choosing = active - redis.call('ZCOUNT', holds, '(' .. now, '+inf')
  local available = tonumber(redis.call('HGET', stock, 'available'))
  -- Those who wait at smaller numbers come first.
  local ahead = redis.call('ZCOUNT', waitlist, '-inf', '(' .. number)
  if active + ahead < tonumber(rules[7]) and available > choosing + ahead then
    if not entry then redis.call('ZREM', waitlist, shopper) end
    return admit(0)
  end
end
if entry then
  redis.call('HDEL', released, shopper)
  redis.call('ZADD', waitlist, number, shopper)
end
return answer('not_your_turn', number)
