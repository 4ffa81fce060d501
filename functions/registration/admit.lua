#!lua flags=allow-key-locking
-- Says whether the holder of a slot may come in past the line.
-- Guarantee: writes nothing. Who used the slot hears the same as before; it is using it that happens once (reserve.lua).
--
-- KEYS  1 sale  2 claims
-- ARGV  1 now (ms, '' for Redis TIME)  2 shopper
-- OUTPUT  { word, epoch, nowMs, opensAtMs, closesAtMs, claimUntilMs }, words in order of precedence:
--   missing     this Redis does not know the sale
--   again       the slot is used, for a reservation of this shopper
--   on_hold     the mode lets nobody in, or, before opening, is reject
--   closed      the sale has ended
--   slot_ended  its time is over, or it was given up
--   early       the sale is not open yet
--   admitted    may come in
local sale, claims = KEYS[1], KEYS[2]
local shopper = ARGV[2]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'opensAtMs', 'closesAtMs', 'claimUntilMs')
if not rules[1] then return { 'missing', 0, now, 0, 0, 0 } end
local mode, opensAt, closesAt, claimUntil = rules[2], tonumber(rules[3]), tonumber(rules[4]), tonumber(rules[5])
local function answer(word) return { word, tonumber(rules[1]), now, opensAt, closesAt, claimUntil } end

local claim = redis.call('HGET', claims, shopper)
if claim and claim ~= '-' then return answer('again') end
if mode == 'reject' or now >= opensAt and (mode == 'hold' or mode == 'drain') then return answer('on_hold') end
if now >= closesAt then return answer('closed') end
if claim == '-' or now >= claimUntil then return answer('slot_ended') end
if now < opensAt then return answer('early') end
return answer('admitted')
