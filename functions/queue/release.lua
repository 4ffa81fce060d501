#!lua flags=allow-key-locking
-- Releases the next people in line when a tick is due, and reports the state of the sale for the pulse.
-- Guarantee: each tick releases once, whoever calls and however often. People leave in the order of their numbers, as
-- many as the operator's size for the ticks due, the room inside and the stock allow: nobody is called in for
-- something that is gone. Ticks that pass on hold release nobody later. Who was drawn has the place that the published
-- seed gives: static/assets/draw.js says how, and here it is read backwards, from the place to the lobby's number.
--
-- Whoever calls may leave what it has counted (tallies.ts): its totals, so that leaving them twice changes nothing.
--
-- KEYS  1 sale  2 waitlist  3 lobby  4 released  5 inside  6 stock  7 holds  8 tallies
-- ARGV  1 now (ms, '' for Redis TIME)  2 who has counted ('' for nobody)  3 its totals, JSON
-- OUTPUT  { word, ... }, words in order of precedence:
--   missing  this Redis does not know the sale; nothing follows
--   state    { epoch, nowMs, mode, settled ('1' or ''), nowServing, lastNumber, perSecondMilli, numbers safe until },
--            { lobbyOpensAtMs, registrationOpensAtMs (-1 without), opensAtMs, closesAtMs, claimUntilMs (-1 without slots) },
--            { unsold, released now, waiting, inside, holds, holds past their end, slots to be given out or back ('1' or '') },
--            { everyMs, releaseSize, released by the last tick, what bounded it },
--            { highest number that what is left can serve, with expected returns, with all that is not paid for }; empty
--            when what is left is enough for all in line
--            { seed of the draw ('' without), people drawn (0 before) },
--            the stock hash as { field, value, ... }
local sale, waitlist, lobby, released, inside, stock, holds, tallies =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
-- Arguments of one variadic command, well under Lua's limit of about 8,000.
local CHUNK = 2000
-- People one call releases at the most, and places of a draw it looks at; what is left over is for the next tick, but in
-- passthrough, where all may go, for the next call. Calls in between look at some places ahead, so that ticks are short.
local RELEASE_MAX, PLACES_MAX, PLACES_AHEAD = 10000, 20000, 1000
-- Rounds of the draw's shuffle.
local ROUNDS = 8
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'opensAtMs', 'closesAtMs', 'everyMs', 'lastTick',
  'nowServing', 'lastNumber', 'perSecondMilli', 'soldOut', 'releaseSize', 'capacity', 'turnMs', 'settled',
  'lobbyOpensAtMs', 'registrationOpensAtMs', 'lastReleased', 'boundBy', 'drawSeed', 'drawCount', 'drawPlaced',
  'numbersUntil', 'claimUntilMs', 'slotsGiven', 'slotsDecidedFromMs')
if not rules[1] then return { 'missing' } end
if ARGV[2] ~= '' then redis.call('HSET', tallies, ARGV[2], ARGV[3]) end
local epoch, mode, opensAt, closesAt = tonumber(rules[1]), rules[2], tonumber(rules[3]), tonumber(rules[4])
local everyMs, lastTick = tonumber(rules[5]), tonumber(rules[6])
local nowServing, lastNumber, perSecondMilli = tonumber(rules[7]), tonumber(rules[8]), tonumber(rules[9])
local lastReleased, boundBy = tonumber(rules[17]), rules[18]
local seed, drawn, placed = rules[19], tonumber(rules[20]), tonumber(rules[21])

if seed ~= '' and not drawn and now >= opensAt then
  drawn = lastNumber
  redis.call('HSET', sale, 'drawCount', drawn)
end
local inLobby = seed ~= '' and redis.call('ZCARD', lobby) or 0
local inLine = redis.call('ZCARD', waitlist)
-- Who came after a draw waits behind all of the lobby, and who came back to a later place behind those before it: only so
-- many of the line may go before the lobby is empty.
local ready = inLobby > 0 and redis.call('ZCOUNT', waitlist, '-inf', placed) or inLine

local half = 2
while half * half < (drawn or 0) do half = half * 2 end
local function lobbyNumberAt(place)
  local x = place - 1
  repeat
    local left, right = math.floor(x / half), x % half
    for round = ROUNDS, 1, -1 do
      local added = tonumber(string.sub(redis.sha1hex(seed .. ':' .. round .. ':' .. left), 1, 8), 16)
      left, right = (right - added) % half, left
    end
    x = left * half + right
  until x < drawn
  return x + 1
end

-- Brings the next people from the lobby to their places in line, until so many can go.
local function bring(wanted, most)
  local last = math.min(drawn or 0, placed + most)
  if inLobby == 0 or ready >= wanted or placed >= last then return end
  local moved, gone = {}, {}
  while ready < wanted and inLobby > 0 and placed < last do
    placed = placed + 1
    local number = lobbyNumberAt(placed)
    -- One, or none who left; more only where a loss of Redis made a number be given twice.
    for _, shopper in ipairs(redis.call('ZRANGEBYSCORE', lobby, number, number)) do
      moved[#moved + 1], moved[#moved + 2] = placed, shopper
      gone[#gone + 1] = shopper
      ready, inLine, inLobby = ready + 1, inLine + 1, inLobby - 1
    end
  end
  for first = 1, #gone, CHUNK do
    local final = math.min(first + CHUNK - 1, #gone)
    redis.call('ZADD', waitlist, unpack(moved, 2 * first - 1, 2 * final))
    redis.call('ZREM', lobby, unpack(gone, first, final))
  end
  ready = inLobby > 0 and redis.call('ZCOUNT', waitlist, '-inf', placed) or inLine
  redis.call('HSET', sale, 'drawPlaced', placed)
end

redis.call('ZREMRANGEBYSCORE', inside, '-inf', now)
local active = redis.call('ZCARD', inside)
local waiting = inLine + inLobby
local holding = redis.call('ZCARD', holds)
local overdue = holding > 0 and redis.call('ZCOUNT', holds, '-inf', now) or 0
local counts = redis.call('HGETALL', stock)
local units = {}
for i = 1, #counts, 2 do units[counts[i]] = tonumber(counts[i + 1]) end
-- What nobody inside is choosing from: each of them may take a unit.
local choosing = active - (holding - overdue)
local unclaimed = units.available - choosing

local tick = math.floor((now - opensAt) / everyMs)
local count = 0
if now >= opensAt and now < closesAt and tick > lastTick then
  local size, room = rules[11] * (tick - lastTick), rules[12] - active
  boundBy = mode
  if mode == 'normal' then
    count = math.max(0, math.min(size, room, unclaimed, waiting, RELEASE_MAX))
    boundBy = count == waiting and 'line' or count == math.max(0, unclaimed) and 'stock'
      or count == math.max(0, room) and 'room' or 'size'
  elseif mode == 'passthrough' then
    count = math.min(waiting, RELEASE_MAX)
  end

  if count > 0 then
    bring(count, PLACES_MAX)
    count = math.min(count, ready)
  end
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
    ready, inLine, waiting, active = ready - count, inLine - count, waiting - count, active + count
    unclaimed = unclaimed - count
  end

  if waiting + count > 0 then
    local measured = count * 1000000 / ((tick - lastTick) * everyMs)
    perSecondMilli = math.floor(perSecondMilli == 0 and measured or (perSecondMilli + measured) / 2)
  end
  lastTick = mode == 'passthrough' and waiting > 0 and tick - 1 or tick
  lastReleased = count
  redis.call('HSET', sale, 'lastTick', lastTick, 'nowServing', nowServing, 'perSecondMilli', perSecondMilli,
    'lastReleased', lastReleased, 'boundBy', boundBy)
end

if drawn and now < closesAt then bring(math.min(tonumber(rules[11]), RELEASE_MAX), PLACES_AHEAD) end

-- The number of the nth who waits. Of those still in the lobby it is estimated: those who left it leave holes.
local function numberOf(nth)
  if nth <= 0 then return nowServing end
  if nth >= waiting then return lastNumber end
  if nth > ready and nth <= ready + inLobby then
    return placed + math.ceil((nth - ready) * (drawn - placed) / inLobby)
  end
  local rank = nth - 1 - (nth > ready and inLobby or 0)
  return tonumber(redis.call('ZRANGE', waitlist, rank, rank, 'WITHSCORES')[2])
end
local reach = {}
if now >= opensAt and waiting > unclaimed then
  local left, returned = math.max(0, unclaimed), units.returned or 0
  local bought = units.supplied - units.unsold
  local expected = left + math.floor((units.unsold - left) * returned / math.max(1, returned + bought))
  reach = { numberOf(left), numberOf(expected), numberOf(units.unsold) }
end

local claimUntil = tonumber(rules[23]) or -1
local slotsDue = claimUntil >= 0 and (not rules[24] and now >= tonumber(rules[25]) or now >= claimUntil and units.slots > 0)

return { 'state',
  { epoch, now, mode, rules[14], nowServing, lastNumber, perSecondMilli, tonumber(rules[22]) },
  { tonumber(rules[15]), tonumber(rules[16]), opensAt, closesAt, claimUntil },
  { units.unsold, count, waiting, active, holding, overdue, slotsDue and '1' or '' },
  { everyMs, tonumber(rules[11]), lastReleased, boundBy },
  reach,
  { seed, drawn or 0 },
  counts }
