local function counter(step)
  local n = 0
  return function() n = n + step; return n end
end
local counters = { counter(1), counter(2), counter(3) }
local sum = 0
for i = 0, 2999999 do
  local next = counters[i % 3 + 1]
  sum = sum + next()
end
print(sum)
