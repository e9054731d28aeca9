-- Stores ARGV[1] at KEYS[1] for ARGV[4] milliseconds, unless what is there was
-- requested later under the same stamp. ARGV[2] is the length of the stamp, which
-- ARGV[1] begins with, and ARGV[3] that of the time of the request, which follows.
local stamp, digits = tonumber(ARGV[2]), tonumber(ARGV[3])
local there = redis.pcall('GETRANGE', KEYS[1], 0, stamp + digits - 1)
if type(there) == 'string' and #there == stamp + digits and string.sub(there, 1, stamp) == string.sub(ARGV[1], 1, stamp) then
  local requested = tonumber(string.sub(there, stamp + 1))
  if requested and requested > tonumber(string.sub(ARGV[1], stamp + 1, stamp + digits)) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
return 1
