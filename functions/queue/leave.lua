#!lua flags=allow-key-locking
-- Gives up a place in line, and the room inside that goes with it.
-- Guarantee: the place is gone afterwards, whether the call came once or twice. A live reservation is untouched: it
-- is given back by its own call, or ends.
--
-- KEYS  1 sale  2 waitlist  3 released  4 inside
-- ARGV  1 shopper
-- OUTPUT  { word }:
--   missing  this Redis does not know the sale
--   left     the shopper has no place now
local sale, waitlist, released, inside = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local shopper = ARGV[1]

if redis.call('EXISTS', sale) == 0 then return { 'missing' } end
if redis.call('ZREM', waitlist, shopper) == 0 then
  redis.call('HDEL', released, shopper)
  redis.call('ZREM', inside, shopper)
end
return { 'left' }
