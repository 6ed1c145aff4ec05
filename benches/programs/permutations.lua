local function without(xs, i)
  local rest = {}
  for k = 1, #xs do
    if k ~= i then rest[#rest + 1] = xs[k] end
  end
  return rest
end

local function permutations(xs)
  if #xs == 0 then return { {} } end
  local all = {}
  for i = 1, #xs do
    for _, rest in ipairs(permutations(without(xs, i))) do
      local order = { xs[i] }
      for k = 1, #rest do order[k + 1] = rest[k] end
      all[#all + 1] = order
    end
  end
  return all
end

local sum = 0
local orders = permutations({ 1, 2, 3, 4, 5, 6, 7, 8, 9 })
for _, order in ipairs(orders) do
  for i = 1, #order do
    sum = (sum * 3 + order[i] * (i - 1)) % 1000003
  end
end
print(#orders .. " " .. sum)
