-- Renew a lease, return what expired leases held, and queue what is due.
--
-- KEYS  held, dead, leases, delayed
-- ARGV  consumer, lease in ms, create, may reap, horizon in ms, limit, the start of all held keys,
--       the start of all order keys
--
-- Answers {'ok' or 'lost', messages returned, messages queued, 1 if there is more to do}.

local held, dead, leases, delayed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local consumer, lease_ms, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[6])
local now = now_ms()

-- Write the fields of held messages to a list whose tail is the newest. A lease may hold so many that
-- no call should sort them again.
local function sort(theirs, order)
    local fields = newest_first(redis.call('HKEYS', theirs))
    for first = #fields, 1, -1000 do
        local names = {}
        for index = first, math.max(1, first - 999), -1 do names[#names + 1] = fields[index][3] end
        redis.call('RPUSH', order, unpack(names))
    end
end

if ARGV[3] == '1' then
    redis.call('HSET', held, '@lease', '1')
elseif redis.call('HEXISTS', held, '@lease') == 0 then
    return {'lost', 0, 0, 0}
end
redis.call('ZADD', leases, now + lease_ms, consumer)

local queued = 0
for _, value in ipairs(redis.call('ZRANGE', delayed, '-inf', now + tonumber(ARGV[5]),
        'BYSCORE', 'LIMIT', 0, limit)) do
    local list, message = unpack_value(value)
    push('LPUSH', list, message, dead)
    redis.call('ZREM', delayed, value)
    queued = queued + 1
end

local returned, bytes = 0, 0
local expired = {}
if ARGV[4] == '1' then
    expired = redis.call('ZRANGE', leases, '-inf', now, 'BYSCORE', 'LIMIT', 0, 10)
end
for _, other in ipairs(expired) do
    local theirs, order = ARGV[7] .. other, ARGV[8] .. other
    redis.call('HDEL', theirs, '@lease')  -- from here on, its consumer has lost it
    if redis.call('EXISTS', order) == 0 then sort(theirs, order) end
    while true do
        if returned >= limit or bytes > 4000000 then return {'ok', returned, queued, 1} end
        local field = redis.call('RPOP', order)
        if not field then break end
        local value = redis.call('HGET', theirs, field)
        if value then  -- otherwise it was acknowledged late
            local list, message = unpack_value(value)
            push('RPUSH', list, marked(message), dead)
            redis.call('HDEL', theirs, field)
            returned, bytes = returned + 1, bytes + #message
        end
    end
    redis.call('DEL', theirs)
    redis.call('ZREM', leases, other)
end
local more = (queued >= limit or #expired >= 10) and 1 or 0
return {'ok', returned, queued, more}
