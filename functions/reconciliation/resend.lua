#!lua flags=allow-key-locking
-- Puts the changes of a reservation that Postgres lacks into the outbox again, in their order.
-- Guarantee: nothing else changes; what Postgres got meanwhile all the same it sets aside.
--
-- KEYS  1 reservations  2 outbox
-- ARGV  1 reservation id  2 the state that Postgres knows ('' for none)
-- OUTPUT  { word }, words in order of precedence:
--   not_found  there is no such reservation
--   again      Postgres knows its state
--   resent     the changes are in the outbox
local reservations, outbox = KEYS[1], KEYS[2]
local id, known = ARGV[1], ARGV[2]

local text = redis.call('HGET', reservations, id)
if not text then return { 'not_found' } end
local record = cjson.decode(text)
local last = record.state
if last == known then return { 'again' } end
local states = {}
if known ~= 'held' and known ~= 'confirmed' then states[1] = 'held' end
if known ~= 'confirmed' and (last == 'confirmed' or last == 'refunded') then states[#states + 1] = 'confirmed' end
if last ~= 'held' and last ~= 'confirmed' then states[#states + 1] = last end
for _, state in ipairs(states) do
  record.state = state
  redis.call('XADD', outbox, '*', 'event', cjson.encode(record))
end
return { 'resent' }
