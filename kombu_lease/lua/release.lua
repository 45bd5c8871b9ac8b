-- End a lease in an orderly way: hand back, unmarked, whatever it still holds.
--
-- KEYS  held, dead, leases, order
-- ARGV  consumer
--
-- Answers how many messages went back.

local held, dead, leases = KEYS[1], KEYS[2], KEYS[3]
local fields = newest_first(redis.call('HKEYS', held))
for _, entry in ipairs(fields) do
    local list, message = unpack_value(redis.call('HGET', held, entry[3]))
    push('RPUSH', list, message, dead)
end
redis.call('DEL', held, KEYS[4])
redis.call('ZREM', leases, ARGV[1])
return #fields
