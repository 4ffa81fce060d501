#!lua flags=allow-key-locking
-- Makes a hold longer, by half of what holds last, for whoever needs more time than others to pay.
-- Guarantee: once in the life of a reservation, before its end, and not past the end of the sale; so those who wait for
-- its units wait for half a hold longer at the most. A repeated call answers the record as it stands. (A rebuilt Redis
-- does not know who has used it: there it can be used once more.)
--
-- KEYS  1 sale  2 inside  3 reservations  4 holds  5 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id  3 shopper
-- OUTPUT  { word, record as JSON where it is extended }, words in order of precedence:
--   missing              this Redis does not know the sale
--   not_found            there is no such reservation of this shopper
--   already_confirmed    it is an order
--   reservation_expired  given back, or its end has come
--   again                it was extended before
--   closed               the sale ends before the hold would
--   extended             it lasts longer now
local sale, inside, reservations, holds, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, shopper = ARGV[2], ARGV[3]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'holdMs', 'closesAtMs')
if not rules[1] then return { 'missing' } end
local before = redis.call('HGET', reservations, id)
local record = before and cjson.decode(before)
if not record or record.shopper ~= shopper then return { 'not_found' } end
if record.state == 'confirmed' or record.state == 'refunded' then return { 'already_confirmed' } end
if record.state ~= 'held' or record.expiresAtMs <= now then return { 'reservation_expired' } end
if record.extended then return { 'again', before } end

local endsAt = math.min(record.expiresAtMs + math.floor(rules[1] / 2), tonumber(rules[2]))
if endsAt <= record.expiresAtMs then return { 'closed' } end
record.expiresAtMs, record.extended, record.changedAtMs = endsAt, true, now
local after = cjson.encode(record)
redis.call('HSET', reservations, id, after)
redis.call('ZADD', holds, 'XX', endsAt, id)
redis.call('ZADD', inside, 'GT', endsAt, shopper)
-- No units move by this.
record.isExtension = true
redis.call('XADD', outbox, '*', 'event', cjson.encode(record))
return { 'extended', after }
