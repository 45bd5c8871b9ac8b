-- Put dead letters back into their queues.
--
-- KEYS  dead
-- ARGV  ids
--
-- Answers how many there were.

local count = 0
for _, id in ipairs(ARGV) do
    local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
    if entry then
        local fields = {}
        for index = 1, #entry[2], 2 do fields[entry[2][index]] = entry[2][index + 1] end
        redis.call('LPUSH', fields.key, forgiven(fields.message))
        redis.call('XDEL', KEYS[1], id)
        count = count + 1
    end
end
return count
