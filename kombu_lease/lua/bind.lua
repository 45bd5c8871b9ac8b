-- Note a binding, although Redis is out of memory: a consumer needs it to make room.
--
-- KEYS  the sets that list the bindings of the exchange
-- ARGV  the binding

for _, key in ipairs(KEYS) do redis.call('SADD', key, ARGV[1]) end
return 'ok'
