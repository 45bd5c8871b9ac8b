-- Functions that several scripts use. A held or delayed value is the list that the message belongs
-- to, with its length in front, then the message: "6:celery{...}".

local function pack(list, message)
    return #list .. ':' .. list .. message
end

local function unpack_value(value)
    local length, start = string.match(value, '^(%d+):()')
    local last = start + tonumber(length) - 1
    return string.sub(value, start, last), string.sub(value, last + 1)
end

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Return where the content of the last "delivery_info" object begins; nil without one. Quotes
-- inside of JSON strings are escaped, so this finds keys only.
local function delivery_info(message)
    local found, from = nil, 1
    while true do
        local _, key_end = string.find(message, '"delivery_info"', from, true)
        if not key_end then return found end
        local _, brace = string.find(message, '^%s*:%s*{', key_end + 1)
        if brace then found = brace + 1 end
        from = key_end + 1
    end
end

local MARK = '^"redelivered": true, "deliveries": (%d+)()'

local function deliveries(message)
    local at = delivery_info(message)
    return at and tonumber((string.match(message, MARK, at))) or 0
end

-- Mark a message as redelivered and count one more delivery. Text is edited because cjson would
-- turn [] into {} and round large integers.
local function marked(message)
    local at = delivery_info(message)
    if not at then return message end
    local before = string.sub(message, 1, at - 1)
    local count, rest = string.match(message, MARK, at)
    if count then
        count = tonumber(count) + 1
    else
        count, rest = 1, at
    end
    local after = string.sub(message, rest)
    if rest == at and not string.find(after, '^%s*}') then after = ', ' .. after end
    return before .. '"redelivered": true, "deliveries": ' .. string.format('%d', count) .. after
end

-- Return a message with its count of deliveries back at zero.
local function forgiven(message)
    local at = delivery_info(message)
    local count, rest = string.match(message, MARK, at or 1)
    if not at or not count then return message end
    return string.sub(message, 1, at - 1) .. '"redelivered": true, "deliveries": 0'
        .. string.sub(message, rest)
end

local function bury(dead, list, message, reason)
    redis.call('XADD', dead, '*', 'key', list, 'reason', reason,
        'deliveries', deliveries(message), 'message', message)
end

-- Push a message; if its list's key now holds something else, keep it with the dead letters.
local function push(command, list, message, dead)
    local answer = redis.pcall(command, list, message)
    if type(answer) == 'table' and answer.err then
        bury(dead, list, message, 'its queue could not take it back: ' .. answer.err)
    end
end

-- Return the fields of held messages, the newest first. Fields look like c12.3; others begin with @.
local function newest_first(fields)
    local found = {}
    for _, field in ipairs(fields) do
        local claim, index = string.match(field, '^%a+(%d+)%.(%d+)$')
        if claim then found[#found + 1] = {tonumber(claim), tonumber(index), field} end
    end
    table.sort(found, function(a, b)
        if a[1] ~= b[1] then return a[1] > b[1] end
        if a[2] ~= b[2] then return a[2] > b[2] end
        return a[3] > b[3]
    end)
    return found
end
