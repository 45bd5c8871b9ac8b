-- Acknowledge messages, then move up to `credit` messages from their queues to what this lease holds.
--
-- KEYS  held, dead, then the lists of the queues: all of the first priority, all of the second, ...
-- ARGV  station, number, credit, fair, queues, holds, then the fields to acknowledge
--
-- `station` and `number` name the claim: asked again, it returns the same messages. `holds` has a
-- digit per queue: 1 if its messages wait for an acknowledgement.
-- Answers {'ok', list, message, list, message, ...}, {'lost'} without a lease, {'closed'}, or the
-- error of the first queue that it could not read if it took nothing from the queues before.

local held = KEYS[1]
local station, number, credit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local fair, queues, holds = ARGV[4] == '1', tonumber(ARGV[5]), ARGV[6]

for first = 7, #ARGV, 1000 do
    redis.call('HDEL', held, unpack(ARGV, first, math.min(first + 999, #ARGV)))
end

local leased = #ARGV > 6 or string.find(holds, '1', 1, true)
if leased and redis.call('HEXISTS', held, '@lease') == 0 then return {'lost'} end
if credit == 0 then return {'ok'} end

local reply = {'ok'}
if leased then
    local last = redis.call('HGET', held, '@' .. station)
    if last == 'closed' then return {'closed'} end
    local count = last and string.match(last, '^' .. number .. ':(%d+)$')
    if count then
        for index = 1, tonumber(count) do
            local value = redis.call('HGET', held, station .. number .. '.' .. index)
            if value then
                local list, message = unpack_value(value)
                reply[#reply + 1] = list
                reply[#reply + 1] = message
                reply[#reply + 1] = index
            end
        end
        return reply
    end
end

local count, entries, failed = 0, {}, nil

-- An error must not end the script once it has taken messages: Redis undoes nothing.
local function take(position, queue, most)
    local popped = most > 0 and not failed and redis.pcall('RPOP', KEYS[position], most)
    if not popped then return end
    if popped.err then
        failed = popped
        return
    end
    local holding = string.sub(holds, queue, queue) == '1'
    for _, message in ipairs(popped) do
        count = count + 1
        reply[#reply + 1] = KEYS[position]
        reply[#reply + 1] = message
        reply[#reply + 1] = holding and count or 0
        if holding then
            entries[#entries + 1] = station .. number .. '.' .. count
            entries[#entries + 1] = pack(KEYS[position], message)
        end
    end
end

for base = 2, #KEYS - queues, queues do
    for round = fair and 1 or 2, 2 do
        for queue = 1, queues do
            local most = credit - count
            if round == 1 then most = math.ceil(most / (queues - queue + 1)) end
            take(base + queue, queue, most)
        end
    end
end

if failed and count == 0 then return failed end
if #entries > 0 then
    for first = 1, #entries, 1000 do
        redis.call('HSET', held, unpack(entries, first, math.min(first + 999, #entries)))
    end
    redis.call('HSET', held, '@' .. station, number .. ':' .. count)
end
-- Not enough: the connection tracks keys, so reading these makes Redis report the next message.
if count < credit then redis.pcall('EXISTS', unpack(KEYS, 3, #KEYS)) end
return reply
