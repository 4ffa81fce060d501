#!lua flags=allow-key-locking
-- Turns a hold into an order, or notes that its payment begins.
-- Guarantee: a reservation is confirmed at most once: while its hold lasts, or with a payment for as long as its units are
-- held. A payment that comes after the hold has ended takes the units again if they are there; one that has been refused
-- stays refused, because its money is on its way back. The shopper's room inside is free at once. A repeated call answers
-- the record as it stands.
--
-- KEYS  1 sale  2 stock  3 inside  4 reservations  5 shoppers  6 holds  7 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id  3 shopper ('' for whoever it is of)
--       4 amount authorised (minor units, 0 for none)  5 the payment ('' for none)
--       6 where the shop is, for the way back from paying ('' where no payment begins)
-- OUTPUT  { word, record as JSON }, words in order of precedence:
--   missing              this Redis does not know the sale (yet); no record
--   not_found            there is no such reservation of this shopper; no record
--   again                confirmed before, and maybe refunded since
--   reservation_expired  given back, or the hold has ended, and no payment has begun; with a payment: its units are gone
--   payment_needed       less than the total is authorised
--   confirmed            it is an order now
local sale, stock, inside, reservations, shoppers, holds, outbox =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local id, shopper, authorised, payment, origin = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local before = redis.call('HGET', reservations, id)
local record = before and cjson.decode(before)
if not record and redis.call('HEXISTS', sale, 'epoch') == 0 then return { 'missing' } end
if not record or shopper ~= '' and record.shopper ~= shopper then return { 'not_found' } end
if record.state == 'confirmed' or record.state == 'refunded' then return { 'again', before } end
local isPaid = record.total > 0 and authorised >= record.total
-- A hold whose payment has begun lasts until that is closed.
local lasts = record.state == 'held' and (record.returnTo ~= nil or record.expiresAtMs > now)
if not isPaid and not lasts then return { 'reservation_expired', before } end
if authorised < record.total then
  if origin ~= '' and not record.returnTo then
    record.returnTo = origin
    before = cjson.encode(record)
    redis.call('HSET', reservations, id, before)
  end
  return { 'payment_needed', before }
end

-- Stock moves from `from` to `confirmed`: for a payment that came too late, from what is available.
local from = record.state == 'held' and 'held:' or 'available:'
local fields, mine, sum = { 'unsold', 'available' }, {}, 0
for i, line in ipairs(record.lines) do
  fields[3 * i], fields[3 * i + 1], fields[3 * i + 2] = from .. line.sku, 'confirmed:' .. line.sku, 'limit:' .. line.sku
  mine[i] = record.shopper .. '/' .. line.sku
  sum = sum + line.quantity
end
local counts = redis.call('HMGET', stock, unpack(fields))
-- While a rebuild brings the records of a lost sale back there is no stock yet.
if not counts[1] then return { 'missing' } end
if record.state ~= 'held' then
  local refused = record.refused or {}
  for _, one in ipairs(refused) do
    if one == payment then return { 'reservation_expired', before } end
  end
  local has = redis.call('HMGET', shoppers, unpack(mine))
  local closesAt = tonumber(redis.call('HGET', sale, 'closesAtMs'))
  local owned = {}
  for i, line in ipairs(record.lines) do
    local owns = (tonumber(has[i]) or 0) + line.quantity
    if now >= closesAt or tonumber(counts[3 * i]) < line.quantity or owns > tonumber(counts[3 * i + 2]) then
      refused[#refused + 1], record.refused = payment, refused
      redis.call('HSET', reservations, id, cjson.encode(record))
      return { 'reservation_expired', before }
    end
    owned[2 * i - 1], owned[2 * i] = mine[i], owns
  end
  redis.call('HSET', shoppers, unpack(owned))
  redis.call('HSET', stock, 'available', counts[2] - sum)
  record.state, record.changedAtMs = 'held', now
  redis.call('XADD', outbox, '*', 'event', cjson.encode(record))
end

local moved = {}
for i, line in ipairs(record.lines) do
  moved[#moved + 1], moved[#moved + 2] = fields[3 * i], counts[3 * i] - line.quantity
  moved[#moved + 1], moved[#moved + 2] = fields[3 * i + 1], counts[3 * i + 1] + line.quantity
end
record.state, record.changedAtMs, record.confirmedAtMs = 'confirmed', now, now
if payment ~= '' then record.intent = payment end
local after = cjson.encode(record)
redis.call('HSET', stock, 'unsold', counts[1] - sum, unpack(moved))
if counts[1] - sum <= 0 then redis.call('HSET', sale, 'soldOut', '1') end
redis.call('HSET', reservations, id, after)
redis.call('ZREM', holds, id)
redis.call('ZREM', inside, record.shopper)
redis.call('XADD', outbox, '*', 'event', after)
return { 'confirmed', after }
