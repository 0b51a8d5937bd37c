-- Takes one place in every bucket of KEYS, or in none. ARGV holds period and burst of each, in
-- microseconds and requests. The clock is the server's, so replicas agree.
-- Answers {now, then for each bucket: 1 if it had a place, its arrival time after the decision}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local next, answer, allowed = {}, {now}, true
for i, key in ipairs(KEYS) do
  local period, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local tat = tonumber(redis.call('GET', key) or 0)
  next[i] = math.max(tat, now) + period
  local place = next[i] - now <= period * burst
  allowed = allowed and place
  answer[2 * i] = place and 1 or 0
  answer[2 * i + 1] = tat
end
if allowed then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', next[i]), 'PX', math.ceil((next[i] - now) / 1000))
    answer[2 * i + 1] = next[i]
  end
end
return answer
