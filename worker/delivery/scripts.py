"""The Lua scripts that change several keys at once; each writes a message before it removes it.

Redis can refuse a write in the middle of a script, when it is full or read-only. A message that
is written first is then delivered twice, but never lost.
"""

from __future__ import annotations

from typing import Final

#: Renews an owner's key, and returns all owners whose key has expired.
#: KEYS owners, alive · ARGV owner, node, milliseconds to live, prefix of all alive keys
BEAT: Final = """
if redis.call('PEXPIRE', KEYS[2], ARGV[3]) == 0 then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
local missing = {}
for _, owner in ipairs(redis.call('HKEYS', KEYS[1])) do
  if redis.call('EXISTS', ARGV[4] .. owner) == 0 then
    table.insert(missing, owner)
  end
end
return missing
"""

#: Ends the registration of an owner that is dead and holds nothing.
#: KEYS owners, alive, held, index, started · ARGV owner
FORGET: Final = """
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HLEN', KEYS[3]) > 0 then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[4], KEYS[5])
return 1
"""

#: Puts a message back at the head of its queue.
#: KEYS held, index, started, queue · ARGV tag, message, 1 if it goes back even if it is not held
HAND_BACK: Final = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and ARGV[3] == '0' then return 0 end
redis.call('RPUSH', KEYS[4], ARGV[2])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
return 1
"""

#: Forgets how often workers died while they ran a task that is done.
#: KEYS started, deaths, trial · ARGV tag
FINISH: Final = """
redis.call('SREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
return 1
"""

#: Decides about a message of a dead owner: back to its queue, to the dead letters, or later.
#: KEYS held, index, queue, alive, started, deaths, trial, dead letters, then further queues
#: ARGV tag, message, most deaths, deaths from which a message is tried alone, milliseconds of a
#:      trial, milliseconds to keep the count, then the fields of the dead letter
RESTORE: Final = """
local tag = ARGV[1]
if redis.call('EXISTS', KEYS[4]) == 1 then return 'alive' end
if redis.call('HEXISTS', KEYS[1], tag) == 0 then
  redis.call('ZREM', KEYS[2], tag)
  return 'gone'
end
local deaths = tonumber(redis.call('GET', KEYS[6]) or '0')
if redis.call('SISMEMBER', KEYS[5], tag) == 1 then
  deaths = deaths + 1
  redis.call('SET', KEYS[6], deaths, 'PX', ARGV[6])
  redis.call('SREM', KEYS[5], tag)
end
local fate = 'restored'
if deaths >= tonumber(ARGV[3]) then
  redis.call('XADD', KEYS[8], '*', unpack(ARGV, 7))
  redis.call('DEL', KEYS[6])
  fate = 'dead'
else
  if deaths >= tonumber(ARGV[4])
      and not redis.call('SET', KEYS[7], tag, 'NX', 'PX', ARGV[5]) then
    return 'waits'
  end
  redis.call('RPUSH', KEYS[3], ARGV[2])
  for other = 9, #KEYS do redis.call('RPUSH', KEYS[other], ARGV[2]) end
end
redis.call('HDEL', KEYS[1], tag)
redis.call('ZREM', KEYS[2], tag)
return fate
"""

#: Counts the death of a pool's child; at the limit, moves the message to the dead letters.
#: KEYS held, index, started, deaths, dead letters
#: ARGV tag, most deaths, milliseconds to keep the count, then the fields of the dead letter
COUNT: Final = """
local deaths = tonumber(redis.call('GET', KEYS[4]) or '0') + 1
if deaths < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[4], deaths, 'PX', ARGV[3])
  redis.call('SREM', KEYS[3], ARGV[1])
  return deaths
end
redis.call('XADD', KEYS[5], '*', unpack(ARGV, 4))
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[4])
return -1
"""

#: Moves a message that no worker can run to the dead letters, unless it is no longer held.
#: KEYS held, index, dead letters · ARGV tag, then the fields of the dead letter
KEEP: Final = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 2))
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
"""
