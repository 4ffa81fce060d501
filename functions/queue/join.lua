#!lua flags=allow-key-locking
-- Gives a shopper a place in line: the next number, in the order calls arrive here.
-- Guarantee: one shopper, one place. A repeated call answers the first place; a ticket from before Redis was lost
-- gets its old number back, ahead of everybody who came later. Who comes to a draw before the sale opens gets a number
-- of the lobby, which says nothing about the place: the draw does. Who failed the bot check gets no place and does not
-- learn it. Nobody has more than ten of their joins and holds in a second looked at, however many isolates they come through.
-- (A new place is no call to count: whoever has one finds it again. Only who left one has every join counted.)
--
-- KEYS  1 sale  2 waitlist  3 lobby  4 released  5 shoppers
-- ARGV  1 now (ms, '' for Redis TIME)
--       2 shopper by cookie  3 shopper by confirmed address ('' without)  4 shopper by account ('' without)
--       5 shopper of an old ticket ('' without one)  6 its number  7 its epoch  8 whether that is one of the lobby ('1' or '')
--       9 whether the bot check failed ('1' or '')
-- OUTPUT  { word, number, epoch, nowMs, nextTickMs, closesAtMs, identity, in the lobby ('1' or ''), people drawn (0 before),
--         seed of the draw }, words in order of precedence:
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
local oldShopper, oldNumber, oldEpoch, oldInLobby = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1'
local failedCheck = ARGV[9] == '1'
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'lobbyOpensAtMs', 'opensAtMs', 'closesAtMs', 'everyMs',
  'lastTick', 'lastNumber', 'soldOut', 'identity', 'drawSeed', 'drawCount')
if not rules[1] then return { 'missing', 0, 0, now, 0, 0, '', '', 0, '' } end
local epoch, mode, opensAt, lastNumber = tonumber(rules[1]), rules[2], tonumber(rules[4]), tonumber(rules[8])
local identity, seed, drawn = rules[10], rules[11], tonumber(rules[12])
if seed ~= '' and not drawn and now >= opensAt then
  drawn = lastNumber
  redis.call('HSET', sale, 'drawCount', drawn)
end
local function answer(word, number, inLobby)
  local nextTick = opensAt + (rules[7] + 1) * rules[6]
  return { word, number, epoch, now, nextTick, tonumber(rules[5]), identity, inLobby and '1' or '', drawn or 0, seed }
end

-- Where anyone may come, who has confirmed an address is known by it all the same.
if identity == 'anyone' and ARGV[3] ~= '' then identity = 'registered' end
local shopper = identity == 'registered' and ARGV[3] or identity == 'account' and ARGV[4] or ARGV[2]
if shopper == '' and identity == 'registered' then return answer('registration_needed', 0) end
if shopper == '' then return answer('login_needed', 0) end

-- As in reserve.lua: the calls of a second that begins with the first of them.
local mark = redis.call('HGET', shoppers, shopper .. '/@')
local since, calls = string.match(mark or '0:0', '(%d+):(%d+)')
if math.abs(now - since) >= PER_MS then since, calls = now, 0 end
if tonumber(calls) >= CALLS_MAX then return answer('rate_limited', since + PER_MS) end
local function counted(...)
  redis.call('HSET', shoppers, shopper .. '/@', string.format('%d:%d', since, calls + 1))
  return answer(...)
end

local place = tonumber(redis.call('ZSCORE', waitlist, shopper))
if not place then
  local entry = redis.call('HGET', released, shopper)
  place = entry and tonumber(string.match(entry, '^%d+'))
end
if place then return counted('again', place) end
local lobbyNumber = seed ~= '' and tonumber(redis.call('ZSCORE', lobby, shopper))
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
if number > lastNumber then redis.call('HSET', sale, 'lastNumber', number) end
local inLobby = seed ~= '' and not drawn
if inLobby then
  redis.call('ZADD', lobby, number, shopper)
else
  redis.call('ZADD', waitlist, number, shopper)
end
if mark then return counted('joined', number, inLobby) end
return answer('joined', number, inLobby)
