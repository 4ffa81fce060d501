#!lua flags=allow-key-locking
-- Makes a sale known to Redis: its rules, its counters, its stock.
-- Guarantee: a sale that Redis knows is left alone, whatever the epoch, so stock that is being sold is never set again;
-- while it is being rebuilt, only the rebuild that began last publishes it.
--
-- KEYS  1 sale  2 stock  3 rebuild
-- ARGV  1 epoch  2 how many of the following belong to the sale hash  3... { field, value, ... } of the sale hash, then of
--       the stock hash
-- OUTPUT  { word, epoch in force (0 for none) }, words in order of precedence:
--   again       the sale is published
--   superseded  a rebuild under another epoch has begun
--   published   done
local sale, stock, rebuild = KEYS[1], KEYS[2], KEYS[3]
local epoch, size = tonumber(ARGV[1]), tonumber(ARGV[2])

local inForce = tonumber(redis.call('HGET', sale, 'epoch'))
if inForce then return { 'again', inForce } end
if (tonumber(redis.call('GET', rebuild)) or epoch) ~= epoch then return { 'superseded', 0 } end
redis.call('DEL', stock, rebuild)
redis.call('HSET', sale, 'epoch', epoch, unpack(ARGV, 3, 2 + size))
redis.call('HSET', stock, unpack(ARGV, 3 + size))
return { 'published', epoch }
