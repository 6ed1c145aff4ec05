local function ack(m, n)
  if m == 0 then return n + 1 end
  if n == 0 then return ack(m - 1, 1) end
  return ack(m - 1, ack(m, n - 1))
end

local function hyper(level, a, b)
  if level == 0 then return b + 1 end
  if b == 0 then
    if level == 1 then return a end
    return level == 2 and 0 or 1
  end
  return hyper(level - 1, a, hyper(level, a, b - 1))
end

for n = 6, 9 do
  print(n .. ": " .. ack(3, n) .. " " .. hyper(3, 2, n))
end
