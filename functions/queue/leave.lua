#!lua flags=allow-key-locking
-- Gives up a place in line, and the room inside that goes with it. A live reservation is untouched, and so is the room it
-- takes up: it is given back by its own call, or ends.
-- Guarantee: the place is gone afterwards, whether the call came once or twice.
--
-- KEYS  1 sale  2 waitlist  3 lobby  4 released  5 inside  6 shoppers  7 holds
-- ARGV  1 shopper
-- OUTPUT  { word }:
--   missing  this Redis does not know the sale
--   left     the shopper has no place now
local sale, waitlist, lobby, released, inside, shoppers, holds =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local shopper = ARGV[1]

if redis.call('HEXISTS', sale, 'epoch') == 0 then return { 'missing' } end
-- From now on each join of theirs is counted (join.lua): who joins and leaves in turns is not let around the limit.
redis.call('HSETNX', shoppers, shopper .. '/@', '0:0')
if redis.call('ZREM', waitlist, shopper) == 1 then return { 'left' } end
if redis.call('ZREM', lobby, shopper) == 1 then return { 'left' } end

redis.call('HDEL', released, shopper)
local id = redis.call('HGET', shoppers, shopper)
local holdEndsAt = id and redis.call('ZSCORE', holds, id)
if holdEndsAt then
  redis.call('ZADD', inside, 'XX', holdEndsAt, shopper)
else
  redis.call('ZREM', inside, shopper)
end
return { 'left' }
