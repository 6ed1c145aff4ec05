local function push(t, v) t[#t + 1] = v end
local function block(n) return {name = n, ins = {}, outs = {}} end
local Union = {} Union.__index = Union
local function union() return setmetatable({parent = nil, block = nil, number = 0, loop = nil}, Union) end
function Union:setup(b, n) self.parent = self self.block = b self.number = n self.loop = nil end
function Union:find()
  local nodes, node = {}, self
  while node ~= node.parent do if node.parent ~= node.parent.parent then push(nodes, node) end node = node.parent end
  for _, n in ipairs(nodes) do n.parent = node.parent end
  return node
end
local Graph = {} Graph.__index = Graph
function Graph:block() local b = block(#self.blocks + 1) push(self.blocks, b) if not self.start then self.start = b end return b end
function Graph:edge(a, b) push(a.outs, b) push(b.ins, a) end
local Finder = {} Finder.__index = Finder
function Finder:number(b, current, nodes, numbers, last)
  nodes[current]:setup(b, current)
  numbers[b.name] = current
  local lastid = current
  for _, out in ipairs(b.outs) do if numbers[out.name] == -1 then lastid = self:number(out, lastid + 1, nodes, numbers, last) end end
  last[current] = lastid
  return lastid
end
function Finder:run()
  local size = #self.graph.blocks
  local numbers, last, header, kinds, nodes, back, non_back = {}, {}, {}, {}, {}, {}, {}
  for i = 1, size do numbers[i] = -1 last[i] = 0 header[i] = 0 kinds[i] = 0 nodes[i] = union() back[i] = {} non_back[i] = {} end
  local reached = self:number(self.graph.start, 1, nodes, numbers, last)
  for w = 1, reached do
    for _, v in ipairs(nodes[w].block.ins) do
      local n = numbers[v.name]
      if n ~= -1 then if w <= n and n <= last[w] then push(back[w], n) else push(non_back[w], n) end end
    end
  end
  for w = reached, 1, -1 do
    local pool, seen = {}, {}
    for _, v in ipairs(back[w]) do
      if v ~= w then local f = nodes[v]:find() if not seen[f.number] then seen[f.number] = true push(pool, f) end else kinds[w] = 2 end
    end
    local work = {}
    for _, p in ipairs(pool) do push(work, p) end
    if #pool > 0 then kinds[w] = 1 end
    while #work > 0 do
      local x = table.remove(work)
      for _, y in ipairs(non_back[x.number]) do
        local yd = nodes[y]:find()
        if not (w <= yd.number and yd.number <= last[w]) then kinds[w] = 3 push(non_back[w], yd.number)
        elseif yd.number ~= w and not seen[yd.number] then seen[yd.number] = true push(work, yd) push(pool, yd) end
      end
    end
    if #pool > 0 or kinds[w] == 2 then
      local l = {header = nodes[w].block, blocks = {}, children = {}, parent = nil, level = 0}
      push(self.loops, l)
      nodes[w].loop = l
      for _, node in ipairs(pool) do
        header[node.number] = w
        node.parent = nodes[w]
        if node.loop then node.loop.parent = l push(l.children, node.loop) else push(l.blocks, node.block) end
      end
      self.count = self.count + 1
    end
  end
  return self.count
end
local function diamond(g, s) local a, b, c = g:block(), g:block(), g:block() g:edge(s, a) g:edge(s, b) g:edge(a, c) g:edge(b, c) return c end
local function straight(g, s, n) local b = s for i = 1, n do local x = g:block() g:edge(b, x) b = x end return b end
local function base_loop(g, from)
  local header = straight(g, from, 1)
  local d1 = diamond(g, header)
  local d11 = straight(g, d1, 1)
  local d2 = diamond(g, d11)
  local footer = straight(g, d2, 1)
  g:edge(d2, d11) g:edge(d11, header) g:edge(footer, from)
  return straight(g, footer, 1)
end
local g = setmetatable({blocks = {}, start = nil}, Graph)
local node = g:block()
for i = 1, 4 do for j = 1, 5 do for k = 1, 8 do node = base_loop(g, node) end end end
local total = 0
for i = 1, 320 do total = total + setmetatable({graph = g, loops = {}, count = 0}, Finder):run() end
print(#g.blocks .. " " .. total)
