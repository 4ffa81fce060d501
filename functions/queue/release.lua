#!lua flags=allow-key-locking
-- Releases the next people in line when a tick is due, and reports the state of the sale for the pulse.
-- Guarantee: each tick releases once, whoever calls and however often. People leave in the order of their numbers, as
-- many as the operator's size for the ticks due, the room inside and the stock allow: nobody is called in for
-- something that is gone. Ticks that pass on hold release nobody later.
--
-- KEYS  1 sale  2 waitlist  3 released  4 inside  5 stock  6 holds
-- ARGV  1 now (ms, '' for Redis TIME)
-- OUTPUT  { word, ... }, words in order of precedence:
--   missing  this Redis does not know the sale; nothing follows
--   state    { epoch, nowMs, mode, settled ('1' or ''), nowServing, lastNumber, perSecondMilli },
--            { lobbyOpensAtMs, registrationOpensAtMs (-1 without), opensAtMs, closesAtMs },
--            { unsold, released now, waiting, inside, holds, holds past their end },
--            the stock hash as { field, value, ... }
local sale, waitlist, released, inside, stock, holds = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
-- Arguments of one variadic command, well under Lua's limit of about 8,000.
local CHUNK = 2000
-- People one call releases at the most; the ticks it leaves over stay due only in passthrough, where all may go.
local RELEASE_MAX = 10000
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'opensAtMs', 'closesAtMs', 'everyMs', 'lastTick',
  'nowServing', 'lastNumber', 'perSecondMilli', 'unsold', 'releaseSize', 'capacity', 'turnMs', 'settled',
  'lobbyOpensAtMs', 'registrationOpensAtMs')
if not rules[1] then return { 'missing' } end
local epoch, mode, opensAt, closesAt = tonumber(rules[1]), rules[2], tonumber(rules[3]), tonumber(rules[4])
local everyMs, lastTick = tonumber(rules[5]), tonumber(rules[6])
local nowServing, perSecondMilli = tonumber(rules[7]), tonumber(rules[9])

redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
local active = redis.call('ZCARD', inside)
local waiting = redis.call('ZCARD', waitlist)
local holding = redis.call('ZCARD', holds)
local overdue = holding > 0 and redis.call('ZCOUNT', holds, '-inf', now) or 0
local counts = redis.call('HGETALL', stock)
local available = 0
for i = 1, #counts, 2 do
  if counts[i] == 'available' then available = tonumber(counts[i + 1]) end
end

local tick = math.floor((now - opensAt) / everyMs)
local count = 0
if now >= opensAt and now < closesAt and tick > lastTick then
  if mode == 'normal' then
    local choosing = active - (holding - overdue)
    count = math.min(rules[11] * (tick - lastTick), rules[12] - active, available - choosing)
  elseif mode == 'passthrough' then
    count = waiting
  end
  count = math.max(0, math.min(count, waiting, RELEASE_MAX))

  if count > 0 then
    local popped = redis.call('ZPOPMIN', waitlist, count)
    local turnEndsAt = now + rules[13]
    for first = 1, #popped, CHUNK do
      local entries, scores = {}, {}
      for i = first, math.min(first + CHUNK - 1, #popped), 2 do
        entries[#entries + 1], entries[#entries + 2] = popped[i], popped[i + 1]
        scores[#scores + 1], scores[#scores + 2] = turnEndsAt, popped[i]
      end
      redis.call('HSET', released, unpack(entries))
      -- GT: who left and came back may still hold units, and take up room for longer than a turn.
      redis.call('ZADD', inside, 'GT', unpack(scores))
    end
    nowServing = math.max(nowServing, tonumber(popped[#popped]))
    waiting, active = waiting - count, active + count
  end

  if waiting + count > 0 then
    local measured = count * 1000000 / ((tick - lastTick) * everyMs)
    perSecondMilli = math.floor(perSecondMilli == 0 and measured or (perSecondMilli + measured) / 2)
  end
  lastTick = mode == 'passthrough' and waiting > 0 and tick - 1 or tick
  redis.call('HSET', sale, 'lastTick', lastTick, 'nowServing', nowServing, 'perSecondMilli', perSecondMilli)
end

return { 'state',
  { epoch, now, mode, rules[14], nowServing, tonumber(rules[8]), perSecondMilli },
  { tonumber(rules[15]), tonumber(rules[16]), opensAt, closesAt },
  { tonumber(rules[10]), count, waiting, active, holding, overdue },
  counts }
