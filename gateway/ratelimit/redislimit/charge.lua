-- Charges the GCRA counts of one request: all that are covered if every one
-- that is enforced is covered, and else none.
--
-- KEYS: the counts. ARGV: the time in microseconds, or 0 for the server's; how
-- many milliseconds a count is kept once it owes nothing; then for each count need, want and burst as microseconds and parts, how many parts
-- a microsecond has, and 1 for a shadow count.
--
-- A count is a string "<microseconds> <parts>", its theoretical arrival time. All
-- numbers are whole and below 2^53, where doubles are exact. They are written by
-- %.0f, as Lua's own form has 14 digits.
--
-- Answers the time; then for each count the TAT's microseconds and parts, and
-- what was done: 0 refused, 1 spared, 2 need charged, 3 want charged.

local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function later(us, parts, than_us, than_parts)
  return us > than_us or us == than_us and parts > than_parts
end

local function sum(us, parts, more_us, more_parts, per)
  us, parts = us + more_us, parts + more_parts
  if parts >= per then
    us, parts = us + 1, parts - per
  end
  return us, parts
end

-- The TAT of a count: at least now, and at most now and the burst, which it can
-- pass only where a clock stepped back or the burst was made smaller. Such a
-- count is mended, or it would be beyond its burst until the old time comes.
local function read(key, per, burst_us, burst_parts)
  local value = redis.call('GET', key)
  if not value then
    return now, 0
  end
  local us, parts = string.match(value, '^(%d+) (%d+)$')
  if not us then
    return nil
  end
  us, parts = tonumber(us), tonumber(parts)
  if parts >= per then
    us, parts = us + 1, 0
  end
  if later(us, parts, now + burst_us, burst_parts) then
    return now + burst_us, burst_parts, true
  end
  if us < now then
    return now, 0
  end
  return us, parts
end

local us, parts, mended = {}, {}, {} -- where each count stands
local next_us, next_parts = {}, {} -- where it would stand if it were charged
local done = {}
local admitted = true
for i, key in ipairs(KEYS) do
  local a = 2 + (i - 1) * 8
  local burst_us, burst_parts, per = tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  us[i], parts[i], mended[i] = read(key, per, burst_us, burst_parts)
  if not us[i] then
    return redis.error_reply('FOREIGN what the key holds is no count')
  end
  done[i] = 3
  next_us[i], next_parts[i] = sum(us[i], parts[i], tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4]), per)
  if later(next_us[i], next_parts[i], now + burst_us, burst_parts) then
    done[i] = 2
    next_us[i], next_parts[i] = sum(us[i], parts[i], tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), per)
    if later(next_us[i], next_parts[i], now + burst_us, burst_parts) then
      done[i] = 0
      admitted = admitted and ARGV[a + 8] == '1'
    end
  end
end

local answer = {now}
for i, key in ipairs(KEYS) do
  if done[i] > 0 and not admitted then
    done[i] = 1
  elseif done[i] > 0 then
    us[i], parts[i] = next_us[i], next_parts[i]
  end
  if done[i] > 1 or mended[i] then
    local life = math.floor((us[i] - now) / 1000) + 1 + tonumber(ARGV[2])
    redis.call('SET', key, string.format('%.0f %.0f', us[i], parts[i]), 'PX', life)
  end
  answer[3 * i - 1], answer[3 * i], answer[3 * i + 1] = us[i], parts[i], done[i]
end
return answer
