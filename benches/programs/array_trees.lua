local function build(depth)
  if depth == 0 then return {} end
  return { build(depth - 1), build(depth - 1) }
end

local function check(tree)
  if #tree == 0 then return 1 end
  return 1 + check(tree[1]) + check(tree[2])
end

local lasting = build(15)
for depth = 4, 14, 2 do
  local rounds = math.floor(2 ^ (19 - depth))
  local sum = 0
  for _ = 1, rounds do sum = sum + check(build(depth)) end
  print(rounds .. " trees of depth " .. depth .. ": " .. sum)
end
print(check(lasting))
