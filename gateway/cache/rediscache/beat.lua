-- A process says that it can be heard, and learns who else can.
-- KEYS: the epoch; the members with the times when they spoke last.
-- ARGV: the own member; its time; how long a member may be silent; after what
-- time it is forgotten; a fresh epoch. Times are milliseconds of this server.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own, quiet, forget = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local name = string.match(own, '^%x+:')
redis.call('ZADD', KEYS[2], ARGV[2], own)

local function text(n) return string.format('%.0f', n) end

-- A time that is to come is of another clock: its member has not spoken by this one.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now + quiet), '+inf')) do
  redis.call('ZADD', KEYS[2], text(now - quiet - 1), member)
end

local silent, gone = 0, 0
local last = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. text(now - quiet), 'WITHSCORES')
for i = 1, #last, 2 do
  local member, spoke = last[i], tonumber(last[i + 1])
  local replaced = name and string.sub(member, 1, #name) == name
  if member ~= own and (replaced or spoke < now - forget) then
    redis.call('ZREM', KEYS[2], member)
    gone = gone + 1
  elseif member ~= own then
    silent = silent + 1
  end
end

-- Whoever is gone may have written without telling: what was stored before is void.
local epoch = redis.call('GET', KEYS[1])
if gone > 0 or not epoch then
  epoch = ARGV[5]
  redis.call('SET', KEYS[1], epoch)
end
return {epoch, silent, gone, now, redis.call('ZCARD', KEYS[2])}
