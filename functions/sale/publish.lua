#!lua flags=allow-key-locking
-- Makes a sale known to Redis: its rules, its counters, its stock.
-- Guarantee: an epoch is published once; a repeated or older call changes nothing, so stock that is being sold is
-- never set again.
--
-- KEYS  1 sale  2 stock
-- ARGV  1 epoch  2 how many of the following belong to the sale hash  3... { field, value, ... } of the sale hash, then
--       of the stock hash
-- OUTPUT  { word, epoch in force }:
--   again      this epoch or a newer one is published
--   published  done
local sale, stock = KEYS[1], KEYS[2]
local epoch, size = tonumber(ARGV[1]), tonumber(ARGV[2])

local inForce = tonumber(redis.call('HGET', sale, 'epoch'))
if inForce and inForce >= epoch then return { 'again', inForce } end
redis.call('HSET', sale, 'epoch', epoch, unpack(ARGV, 3, 2 + size))
redis.call('HSET', stock, unpack(ARGV, 3 + size))
return { 'published', epoch }
