local function build(depth)
  if depth == 0 then return { left = false, right = false } end
  return { left = build(depth - 1), right = build(depth - 1) }
end
local function check(tree)
  if not tree.left then return 1 end
  return 1 + check(tree.left) + check(tree.right)
end
local total = 0
for round = 1, 40 do total = total + check(build(14)) end
print(total)
