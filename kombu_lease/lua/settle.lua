-- Do with held messages what their consumer decided.
--
-- KEYS  held, dead, delayed
-- ARGV  operation, field, argument; and so on:
--       ack             it is done
--       head            hand it back, unmarked, to be the next one
--       tail            hand it back, marked as redelivered, behind all others
--       dead   reason   keep it with the dead letters
--       wait   due      delay it until `due`, in ms since 1970
--       close           `field` is a station: undo its last claim and refuse those to come
--
-- Answers 'lost' if the lease is lost; only acknowledgements were looked at then.

local held, dead, delayed = KEYS[1], KEYS[2], KEYS[3]
local lost = redis.call('HEXISTS', held, '@lease') == 0

local function settle(operation, field, argument)
    local value = redis.call('HGET', held, field)
    if not value then return end
    local list, message = unpack_value(value)
    if operation == 'head' then
        push('RPUSH', list, message, dead)
    elseif operation == 'tail' then
        push('LPUSH', list, marked(message), dead)
    elseif operation == 'dead' then
        bury(dead, list, message, argument)
    elseif operation == 'wait' then
        redis.call('ZADD', delayed, argument, value)
    end
    redis.call('HDEL', held, field)
end

for first = 1, #ARGV, 3 do
    local operation, field, argument = ARGV[first], ARGV[first + 1], ARGV[first + 2]
    if operation == 'ack' then
        redis.call('HDEL', held, field)
    elseif lost then
        -- Its messages went back to their queues.
    elseif operation == 'close' then
        local last = redis.call('HGET', held, '@' .. field)
        local number, count = string.match(last or '', '^(%d+):(%d+)$')
        if number == argument then
            for index = tonumber(count), 1, -1 do
                settle('head', field .. number .. '.' .. index, '')
            end
        end
        redis.call('HSET', held, '@' .. field, 'closed')
    else
        settle(operation, field, argument)
    end
end
return lost and 'lost' or 'ok'
