-- Cancel the returned copy of a message that was done after its lease had expired, if nobody has it.
--
-- KEYS  list
-- ARGV  the message as it was claimed, how many messages to look at
--
-- Returned messages are at the head, so only those returned later are in front of the copy.
-- Answers 1 if the copy was found.

local copy = marked(ARGV[1])
local found = redis.call('LPOS', KEYS[1], copy, 'RANK', -1, 'MAXLEN', ARGV[2])
if not found then return 0 end
return redis.call('LREM', KEYS[1], -1, copy)
