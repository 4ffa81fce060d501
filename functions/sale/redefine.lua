#!lua flags=allow-key-locking
-- Changes a sale's definition, and with it what of it scripts read: its times, its rules, prices and limits.
-- Guarantee: a line that is open keeps the rules it began with, but that the sale may open or close now; nothing sold,
-- held or released is touched. Before opening no tick has passed, so `lastTick` stands at -1 whenever opening moves.
-- Repeating a change says `again`, however late, so that what was left undone elsewhere can be done.
--
-- KEYS  1 sale  2 stock
-- ARGV  1 now (ms, '' for Redis TIME)  2 change (update, open or close)  3 the definition it is made on, JSON
--       4 the definition, JSON  5 how many of the following belong to the sale hash
--       6... { field, value, ... } of the sale hash, then of the stock hash
-- OUTPUT  { word, nowMs }, words in order of precedence:
--   missing     this Redis does not know the sale
--   again       it is defined so; or it is open already, or closed already
--   sale_ended  the sale is closed
--   not_open    closing: the sale has not opened
--   line_open   updating: the line has opened
--   superseded  it was defined otherwise meanwhile: read it again
--   redefined   done
local sale, stock = KEYS[1], KEYS[2]
local change, before, definition, size = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local rules = redis.call('HMGET', sale, 'definition', 'lobbyOpensAtMs', 'opensAtMs', 'closesAtMs')
if not rules[1] then return { 'missing', now } end
local isOpen, isClosed = now >= tonumber(rules[3]), now >= tonumber(rules[4])
if rules[1] == definition then return { 'again', now } end
if change == 'close' and isClosed then return { 'again', now } end
if change == 'open' and isOpen and not isClosed then return { 'again', now } end
if isClosed then return { 'sale_ended', now } end
if change == 'close' and not isOpen then return { 'not_open', now } end
if change == 'update' and now >= tonumber(rules[2]) then return { 'line_open', now } end
if rules[1] ~= before then return { 'superseded', now } end

redis.call('HSET', sale, 'definition', definition, unpack(ARGV, 6, 5 + size))
if #ARGV > 5 + size then redis.call('HSET', stock, unpack(ARGV, 6 + size)) end
return { 'redefined', now }
