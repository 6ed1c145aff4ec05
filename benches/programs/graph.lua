local function Edge(to, weight) return { to = to, weight = weight } end

local function Node(id)
  return { id = id, edges = {}, distance = -1, component = -1, rank = 1, incoming = 0 }
end

local function Entry(distance, node) return { distance = distance, node = node } end

local Heap = {}
Heap.__index = Heap

function Heap.new() return setmetatable({ items = {} }, Heap) end

function Heap:push(entry)
  local items = self.items
  local i = #items + 1
  while i > 1 do
    local parent = math.floor(i / 2)
    if items[parent].distance <= entry.distance then break end
    items[i] = items[parent]
    i = parent
  end
  items[i] = entry
end

function Heap:pop()
  local items = self.items
  local top = items[1]
  local last = table.remove(items)
  local n = #items
  if n == 0 then return top end
  local i = 1
  while 2 * i <= n do
    local child = 2 * i
    if child < n and items[child + 1].distance < items[child].distance then child = child + 1 end
    if last.distance <= items[child].distance then break end
    items[i] = items[child]
    i = child
  end
  items[i] = last
  return top
end

local function make(n, degree)
  local nodes = {}
  for i = 1, n do nodes[i] = Node(i - 1) end
  local seed = 5
  for _, node in ipairs(nodes) do
    for _ = 1, degree do
      seed = seed * 16807 % 2147483647
      local other = nodes[seed % n + 1]
      if other.id % 50 == node.id % 50 then
        local weight = math.floor(seed / 1000) % 100 + 1
        table.insert(node.edges, Edge(other, weight))
        table.insert(other.edges, Edge(node, weight))
      end
    end
    local next = nodes[(node.id + 50) % n + 1]
    table.insert(node.edges, Edge(next, 60))
    table.insert(next.edges, Edge(node, 60))
  end
  return nodes
end

local function shortest(nodes, source)
  for _, node in ipairs(nodes) do node.distance = -1 end
  local heap = Heap.new()
  heap:push(Entry(0, source))
  local sum = 0
  while #heap.items > 0 do
    local entry = heap:pop()
    local node = entry.node
    if node.distance < 0 then
      node.distance = entry.distance
      sum = sum + entry.distance
      for _, edge in ipairs(node.edges) do
        if edge.to.distance < 0 then heap:push(Entry(entry.distance + edge.weight, edge.to)) end
      end
    end
  end
  return sum
end

local function components(nodes)
  local count = 0
  for _, start in ipairs(nodes) do
    if start.component < 0 then
      local stack = { start }
      start.component = count
      while #stack > 0 do
        local node = table.remove(stack)
        for _, edge in ipairs(node.edges) do
          if edge.to.component < 0 then
            edge.to.component = count
            table.insert(stack, edge.to)
          end
        end
      end
      count = count + 1
    end
  end
  return count
end

local function ranks(nodes, rounds)
  for _ = 1, rounds do
    for _, node in ipairs(nodes) do
      local share = node.rank / #node.edges
      for _, edge in ipairs(node.edges) do edge.to.incoming = edge.to.incoming + share end
    end
    for _, node in ipairs(nodes) do
      node.rank = 0.15 + 0.85 * node.incoming
      node.incoming = 0
    end
  end
  local best = nodes[1]
  for _, node in ipairs(nodes) do
    if node.rank > best.rank then best = node end
  end
  return best.id
end

local nodes = make(50000, 8)
print("components: " .. components(nodes))
for source = 0, 49 do print("from " .. source .. ": " .. shortest(nodes, nodes[source + 1])) end
print("highest rank: " .. ranks(nodes, 20))
