#!lua flags=allow-key-locking
-- Gives shoppers their places in line: the next numbers, in the order they are named here and calls arrive. One or up to
-- 500 in a call: each is decided as if the others had called alone, one after the other, at the same moment.
-- Guarantee: one shopper, one place. A repeated call answers the first place; a ticket from before Redis was lost
-- gets its old number back, ahead of everybody who came later. Who comes to a draw before the sale opens gets a number
-- of the lobby, which says nothing about the place: the draw does. Who failed the bot check gets no place and does not
-- learn it. Nobody has more than ten of their joins and holds in a second looked at, however many isolates they come through.
-- (A new place is no call to count: whoever has one finds it again. Only who left one has every join counted.)
-- What all of a call need is read and written once, so a call for 500 costs about as many commands as one for one.
--
-- KEYS  1 sale  2 waitlist  3 lobby  4 released  5 shoppers
-- ARGV  1 now (ms, '' for Redis TIME)
--       2... of each who joins eight values: shopper by cookie; by confirmed address ('' without); by account ('' without);
--       shopper of an old ticket ('' without one), its number, its epoch, whether that is one of the lobby ('1' or '');
--       whether the bot check failed ('1' or '')
-- OUTPUT  { { word, number, identity, in the lobby ('1' or '') } of each, in their order, epoch, nowMs, nextTickMs, closesAtMs,
--         people drawn (0 before), seed of the draw, joinShards }, words in order of precedence:
--   missing              this Redis does not know the sale
--   registration_needed  the sale wants a confirmed address
--   login_needed         the sale wants an account
--   rate_limited         the tenth of this second was before; instead of a number, when the next one begins (ms)
--   again                the shopper has this place already
--   on_hold              the mode is reject or drain
--   not_open             the line does not take people yet; instead of a number, the time (ms) from when it will
--   closed               the sale has ended
--   sold_out             nothing is left and nothing can come back
--   ghost                a number without a place
--   place_first          the old ticket's number is one of the lobby, and the draw was made: call again with its place
--   joined               a new place
local sale, waitlist, lobby, released, shoppers = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local CALLS_MAX, PER_MS = 10, 1000
-- Values of each: those of 500 stay well under Lua's limit of about 8,000 for one command.
local VALUES = 8
local said = { unpack(ARGV, 2) }
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local answers = {}
local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'lobbyOpensAtMs', 'opensAtMs', 'closesAtMs', 'everyMs',
  'lastTick', 'lastNumber', 'soldOut', 'identity', 'drawSeed', 'drawCount', 'joinShards')
if not rules[1] then
  local function missing() return { 'missing', 0, '', '' } end
  for at = 1, #said, VALUES do answers[#answers + 1] = missing() end
  return { answers, 0, now, 0, 0, 0, '', 0 }
end
local epoch, mode, opensAt, lastNumber = tonumber(rules[1]), rules[2], tonumber(rules[4]), tonumber(rules[8])
local seed, drawn, numberBefore = rules[11], tonumber(rules[12]), lastNumber
if seed ~= '' and not drawn and now >= opensAt then
  drawn = lastNumber
  redis.call('HSET', sale, 'drawCount', drawn)
end

-- Who each of them is. Where anyone may come, who has confirmed an address is known by it all the same.
local joining = {}
for at = 0, #said - 1, VALUES do
  local byCookie, byAddress, byAccount = said[at + 1], said[at + 2], said[at + 3]
  local identity = rules[10]
  if identity == 'anyone' and byAddress ~= '' then identity = 'registered' end
  joining[#joining + 1] = {
    at = at,
    identity = identity,
    shopper = identity == 'registered' and byAddress or identity == 'account' and byAccount or byCookie,
  }
end

-- What is known of them, each asked about once, and only as long as it is not decided yet.
local marks, places, lobbyNumbers, asked = {}, {}, {}, {}
local function stillAsked(isOpen)
  local left = {}
  for _, shopper in ipairs(asked) do
    if isOpen(shopper) then left[#left + 1] = shopper end
  end
  asked = left
  return #left > 0
end
local fields = {}
for _, one in ipairs(joining) do
  if one.shopper ~= '' and marks[one.shopper] == nil then
    marks[one.shopper] = false
    asked[#asked + 1], fields[#fields + 1] = one.shopper, one.shopper .. '/@'
  end
end
-- As in reserve.lua: the calls of a second that begins with the first of them.
local function callsOf(shopper)
  local since, calls = string.match(marks[shopper] or '0:0', '(%d+):(%d+)')
  if math.abs(now - since) >= PER_MS then return now, 0 end
  return since, tonumber(calls)
end
local function isCalm(shopper)
  local _, calls = callsOf(shopper)
  return calls < CALLS_MAX
end
if #asked > 0 then
  for i, mark in ipairs(redis.call('HMGET', shoppers, unpack(fields))) do marks[asked[i]] = mark end
end
if stillAsked(isCalm) then
  for i, number in ipairs(redis.call('ZMSCORE', waitlist, unpack(asked))) do places[asked[i]] = tonumber(number) end
end
local function isNotInLine(shopper) return not places[shopper] end
if stillAsked(isNotInLine) then
  for i, entry in ipairs(redis.call('HMGET', released, unpack(asked))) do
    places[asked[i]] = entry and tonumber(string.match(entry, '^%d+')) or nil
  end
end
if seed ~= '' and stillAsked(isNotInLine) then
  for i, number in ipairs(redis.call('ZMSCORE', lobby, unpack(asked))) do lobbyNumbers[asked[i]] = tonumber(number) end
end

local one
local newMarks, newInLine, newInLobby = {}, {}, {}
local function answer(word, number, inLobby) return { word, number, one.identity, inLobby and '1' or '' } end
local function counted(...)
  local since, calls = callsOf(one.shopper)
  local mark = string.format('%d:%d', since, calls + 1)
  marks[one.shopper], newMarks[one.shopper] = mark, mark
  return answer(...)
end

local function decided()
  local shopper, identity = one.shopper, one.identity
  local oldShopper, oldNumber, oldEpoch = said[one.at + 4], tonumber(said[one.at + 5]), tonumber(said[one.at + 6])
  local oldInLobby, failedCheck = said[one.at + 7] == '1', said[one.at + 8] == '1'
  if shopper == '' and identity == 'registered' then return answer('registration_needed', 0) end
  if shopper == '' then return answer('login_needed', 0) end

  local since, calls = callsOf(shopper)
  if calls >= CALLS_MAX then return answer('rate_limited', since + PER_MS) end

  local place, lobbyNumber = places[shopper], lobbyNumbers[shopper]
  if place then return counted('again', place) end
  if lobbyNumber then return counted('again', lobbyNumber, true) end

  -- Whose place was lost with Redis is no newcomer, whom draining keeps out.
  local isOld = oldShopper == shopper and oldEpoch < epoch
  if mode == 'reject' or mode == 'drain' and not isOld then return counted('on_hold', 0) end
  if now < tonumber(rules[3]) then return counted('not_open', tonumber(rules[3])) end
  if now >= tonumber(rules[5]) then return counted('closed', 0) end
  if rules[9] then return counted('sold_out', 0) end
  if failedCheck then return answer('ghost', lastNumber + 1, seed ~= '' and not drawn) end

  if isOld and oldInLobby and oldNumber <= (drawn or 0) then return answer('place_first', oldNumber) end
  local number = lastNumber + 1
  if isOld then number = oldNumber end
  lastNumber = math.max(lastNumber, number)
  local inLobby = seed ~= '' and not drawn
  local known, new = places, newInLine
  if inLobby then known, new = lobbyNumbers, newInLobby end
  known[shopper] = number
  new[#new + 1], new[#new + 2] = number, shopper
  if marks[shopper] then return counted('joined', number, inLobby) end
  return answer('joined', number, inLobby)
end

for i = 1, #joining do
  one = joining[i]
  answers[i] = decided()
end

if lastNumber > numberBefore then redis.call('HSET', sale, 'lastNumber', lastNumber) end
if #newInLine > 0 then redis.call('ZADD', waitlist, unpack(newInLine)) end
if #newInLobby > 0 then redis.call('ZADD', lobby, unpack(newInLobby)) end
local written = {}
for shopper, mark in pairs(newMarks) do written[#written + 1], written[#written + 2] = shopper .. '/@', mark end
if #written > 0 then redis.call('HSET', shoppers, unpack(written)) end
local nextTick = opensAt + (rules[7] + 1) * rules[6]
return { answers, epoch, now, nextTick, tonumber(rules[5]), drawn or 0, seed, tonumber(rules[13]) or 0 }
