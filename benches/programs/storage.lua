local Random = {} Random.__index = Random
function Random.new() return setmetatable({seed = 74755}, Random) end
function Random:next() self.seed = (self.seed * 1309 + 13849) % 65536 return self.seed end
local Storage = {} Storage.__index = Storage
function Storage.new() return setmetatable({count = 0}, Storage) end
function Storage:build(depth, random)
  self.count = self.count + 1
  if depth == 1 then local t = {} for i = 1, random:next() % 10 + 1 do t[i] = false end return t end
  local nodes = {false, false, false, false}
  for i = 1, 4 do nodes[i] = self:build(depth - 1, random) end
  return nodes
end
local total = 0
for i = 1, 1000 do local s = Storage.new() s:build(7, Random.new()) total = total + s.count end
print(total)
