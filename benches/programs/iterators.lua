local function steps(from, to, by) local at = from return function() if at >= to then return nil end local x = at at = at + by return x end end
local function nodes(first) local node = first return function() local n = node if n == nil then return nil end node = n.next return n.value end end
local function pairs_of(xs) local at = 0 return function() at = at + 1 if at > #xs then return nil end return at - 1, xs[at] end end
local first, sparse = nil, {}
for i = 0, 999 do first = {value = i, next = first} sparse[#sparse + 1] = i * 0.5 end
local a, b, c = 0, 0, 0
for round = 1, 20000 do
  for x in steps(0, 1000, 3) do a = a + x end
  for x in nodes(first) do b = b + x end
  for k, v in pairs_of(sparse) do c = c + v * k end
end
print(string.format("%d %d %d", a, b, c))
