#!lua flags=allow-key-locking
-- Sets counters of a sale right.
-- Guarantee: all of them or none, and only where they still are what was judged.
--
-- KEYS  1 sale  2 stock
-- ARGV  1... { field, value it was seen with, value it should have, ... }
-- OUTPUT  { word }, words in order of precedence:
--   missing    this Redis does not know the sale
--   moved      one of them is another by now
--   recounted  done
local sale, stock = KEYS[1], KEYS[2]
local changes = { unpack(ARGV, 1) }

if redis.call('HEXISTS', sale, 'epoch') == 0 then return { 'missing' } end
for i = 1, #changes, 3 do
  if redis.call('HGET', stock, changes[i]) ~= changes[i + 1] then return { 'moved' } end
end
for i = 1, #changes, 3 do redis.call('HSET', stock, changes[i], changes[i + 2]) end
if tonumber(redis.call('HGET', stock, 'unsold')) > 0 then
  redis.call('HDEL', sale, 'soldOut')
else
  redis.call('HSET', sale, 'soldOut', '1')
end
return { 'recounted' }
