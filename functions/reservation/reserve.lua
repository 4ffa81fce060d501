#!lua flags=allow-key-locking
-- Holds units for a shopper who is inside.
-- Guarantee: stock, record, per-shopper limit and outbox entry change in this one call or not at all; a unit is never
-- held twice. A repeated call answers the record as it stands. Nobody has more than ten of their joins and holds in a
-- second looked at, however many isolates they come through. A slot is good for one unit, once: of the item wished for,
-- or, where none is set aside of that, in exchange for one that is.
--
-- KEYS  1 sale  2 stock  3 inside  4 reservations  5 shoppers  6 holds  7 claims  8 outbox
-- ARGV  1 now (ms, '' for Redis TIME)  2 reservation id  3 shopper  4 number  5 the pass's epoch
--       6 when the pass ends (ms)  7 lines, JSON [{ sku, quantity }], summed per sku and sorted by sku
--       8 whether the pass is for a slot ('1' or '')
-- OUTPUT  { word, ... }, words in order of precedence:
--   rate_limited        the tenth of this second was before; ms until the next one begins
--   again               the record, JSON
--   conflicting_replay  the id was used for other lines or by another shopper
--   missing             this Redis does not know the sale
--   on_hold             the mode is reject
--   invalid_pass        the pass is from before Redis was rebuilt
--   closed              the sale is not open, or not any more
--   pass_expired        the pass has ended
--   expire_first        a hold past its end stands in the way: run expire, then call again
--   limit_reached       sku or '', the live reservation's id or ''
--   unknown_sku         sku
--   pass_expired        the shopper is not inside any more: left, or completed an order; the slot was used or given up
--   expire_first        as above
--   return_first        unclaimed slots past their time stand in the way: run return-slots, then call again
--   sold_out            { sku, available, ... } of all lines
--   held                the record, JSON
local sale, stock, inside, reservations, shoppers, holds, claims, outbox =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local CALLS_MAX, PER_MS = 10, 1000
-- Whole numbers are written by '%d': Redis writes a Lua number as a float, which takes it several times as long.
local format = string.format
local id, shopper, number, passEpoch, passExpiresAt = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lines, bySlot = cjson.decode(ARGV[7]), ARGV[8] == '1'
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'epoch', 'mode', 'opensAtMs', 'closesAtMs', 'holdMs',
  'currency', 'claimUntilMs')
local mine, fields = { shopper, shopper .. '/@' }, { 'available', 'slots' }
for i, line in ipairs(lines) do
  mine[i + 2] = shopper .. '/' .. line.sku
  fields[#fields + 1] = 'available:' .. line.sku
  fields[#fields + 1] = 'held:' .. line.sku
  fields[#fields + 1] = 'price:' .. line.sku
  fields[#fields + 1] = 'limit:' .. line.sku
end
local has = redis.call('HMGET', shoppers, unpack(mine))

-- As in join.lua: the calls of a second that begins with the first of them.
local since, calls = now, 0
if has[2] then since, calls = string.match(has[2], '(%d+):(%d+)') end
if math.abs(now - since) >= PER_MS then since, calls = now, 0 end
if tonumber(calls) >= CALLS_MAX then return { 'rate_limited', since + PER_MS - now } end
local mark = format('%d:%d', since, calls + 1)

-- Whatever stands in the way, an id that was used before comes first. Only looked for then: it costs a command.
local function answer(word, ...)
  -- An emptied Redis must not come to hold anything.
  if rules[1] then redis.call('HSET', shoppers, shopper .. '/@', mark) end
  local before = redis.call('HGET', reservations, id)
  if before then
    local record = cjson.decode(before)
    local same = record.shopper == shopper and #record.lines == #lines
    for i, line in ipairs(lines) do
      local held = record.lines[i]
      same = same and held.sku == line.sku and held.quantity == line.quantity
    end
    return same and { 'again', before } or { 'conflicting_replay' }
  end
  return { word, ... }
end

if not rules[1] then return answer('missing') end
if rules[2] == 'reject' then return answer('on_hold') end
if tonumber(rules[1]) ~= passEpoch then return answer('invalid_pass') end
if now < tonumber(rules[3]) or now >= tonumber(rules[4]) then return answer('closed') end
if passExpiresAt <= now then return answer('pass_expired') end

local counts = redis.call('HMGET', stock, unpack(fields))
if has[1] then
  local ends = tonumber(redis.call('ZSCORE', holds, has[1]))
  if ends and ends <= now then return answer('expire_first') end
  if ends then return answer('limit_reached', '', has[1]) end
end
for i, line in ipairs(lines) do
  local limit = tonumber(counts[4 * i + 2])
  if not limit then return answer('unknown_sku', line.sku) end
  if (tonumber(has[i + 2]) or 0) + line.quantity > limit or bySlot and (#lines > 1 or line.quantity > 1) then
    return answer('limit_reached', line.sku, '')
  end
end

local insideUntil = 0
if bySlot then
  if redis.call('HEXISTS', claims, shopper) == 1 or tonumber(counts[2]) == 0 then return answer('pass_expired') end
else
  insideUntil = tonumber(redis.call('ZSCORE', inside, shopper))
  if not insideUntil or insideUntil <= now then return answer('pass_expired') end
end

-- The unit set aside joins what is available, and is taken from there.
local used
if bySlot then
  local flat, units = redis.call('HGETALL', stock), {}
  for i = 1, #flat, 2 do
    units[flat[i]] = tonumber(flat[i + 1])
    local sku = string.match(flat[i], '^slots:(.+)')
    if sku and units[flat[i]] > 0 and (not used or sku == lines[1].sku) then used = sku end
  end
  counts[1] = counts[1] + 1
  if used == lines[1].sku then counts[3] = counts[3] + 1 end
  used = { sku = used, slots = units['slots:' .. used], available = units['available:' .. used] }
end

local short, left = false, {}
for i, line in ipairs(lines) do
  local available = tonumber(counts[4 * i - 1])
  left[2 * i - 1], left[2 * i] = line.sku, available
  if available < line.quantity then short = true end -- stock check
end
if short then
  if redis.call('ZCOUNT', holds, '-inf', now) > 0 then return answer('expire_first') end
  if (tonumber(counts[2]) or 0) > 0 and now >= tonumber(rules[7]) then return answer('return_first') end
  return answer('sold_out', left)
end

local total, sum, taken, owned, written = 0, 0, {}, { shopper, id, shopper .. '/@', mark }, {}
for i, line in ipairs(lines) do
  local price = counts[4 * i + 1]
  total, sum = total + price * line.quantity, sum + line.quantity
  written[i] = '{"sku":"' .. line.sku .. '","quantity":' .. line.quantity .. ',"price":' .. price .. '}'
  taken[#taken + 1], taken[#taken + 2] = fields[4 * i - 1], format('%d', counts[4 * i - 1] - line.quantity)
  taken[#taken + 1], taken[#taken + 2] = fields[4 * i], format('%d', counts[4 * i] + line.quantity)
  owned[#owned + 1], owned[#owned + 2] = mine[i + 2], format('%d', (has[i + 2] or 0) + line.quantity)
end
local expiresAt = now + rules[5]
local at, ends = format('%d', now), format('%d', expiresAt)
-- By hand: cjson takes as long over it as Redis over half of the commands here. Nothing in it needs escaping: ids are minted or UUIDs,
-- and a sku or currency that the sale does not have did not come this far.
local record = '{"id":"' .. id .. '","shopper":"' .. shopper .. '","number":' .. ARGV[4] .. ',"state":"held","lines":['
  .. table.concat(written, ',') .. '],"total":' .. total .. ',"currency":"' .. rules[6] .. '","heldAtMs":' .. at
  .. ',"expiresAtMs":' .. ends .. ',"changedAtMs":' .. at .. (used and ',"slotUntilMs":' .. rules[7] or '') .. '}'
if redis.call('HSETNX', reservations, id, record) == 0 then return answer('conflicting_replay') end
if used then
  redis.call('HSET', claims, shopper, id)
  if used.sku ~= lines[1].sku then redis.call('HSET', stock, 'available:' .. used.sku, used.available + 1) end
  redis.call('HSET', stock, 'slots', counts[2] - 1, 'slots:' .. used.sku, used.slots - 1)
  redis.call('XADD', outbox, '*', 'event', cjson.encode({ state = 'moved', from = 'slots', to = 'available',
    lines = { { sku = used.sku, quantity = 1 } }, changedAtMs = now }))
end
redis.call('HSET', stock, 'available', format('%d', counts[1] - sum), unpack(taken))
redis.call('HSET', shoppers, unpack(owned))
redis.call('ZADD', holds, ends, id)
redis.call('ZADD', inside, format('%d', math.max(expiresAt, insideUntil)), shopper)
redis.call('XADD', outbox, '*', 'event', record)
return { 'held', record }
