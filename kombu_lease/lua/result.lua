-- Store results of tasks, and report each to those who wait for it.
--
-- KEYS  one for each result
-- ARGV  value, seconds until it expires or 0, SHA-1 of the value that it may replace or ''; and so on
--
-- Answers for each result: nothing if it was stored; what is there already; or an error.

local function store(key, value, expires, seen)
    local current = redis.pcall('GET', key)
    if type(current) == 'table' then return current end
    local free = not current or current == '' or (seen ~= '' and redis.sha1hex(current) == seen)
    if not free then return current end
    local stored
    if expires == '0' then
        stored = redis.pcall('SET', key, value)
    else
        stored = redis.pcall('SETEX', key, expires, value)
    end
    if stored.err then return stored end
    redis.call('PUBLISH', key, value)
    return false
end

local replies = {}
for index, key in ipairs(KEYS) do
    replies[index] = store(key, ARGV[3 * index - 2], ARGV[3 * index - 1], ARGV[3 * index])
end
return replies
