local Vec = {}
Vec.__index = Vec
local function vec(x, y, z) return setmetatable({ x = x, y = y, z = z }, Vec) end
function Vec:add(o) return vec(self.x + o.x, self.y + o.y, self.z + o.z) end
function Vec:sub(o) return vec(self.x - o.x, self.y - o.y, self.z - o.z) end
function Vec:scale(k) return vec(self.x * k, self.y * k, self.z * k) end
function Vec:dot(o) return self.x * o.x + self.y * o.y + self.z * o.z end
function Vec:unit() return self:scale(1 / math.sqrt(self:dot(self))) end

local Ray = {}
Ray.__index = Ray
function Ray.new(origin, direction) return setmetatable({ origin = origin, direction = direction }, Ray) end
function Ray:at(t) return self.origin:add(self.direction:scale(t)) end

local Sphere = {}
Sphere.__index = Sphere
function Sphere.new(center, radius, color, shine)
  return setmetatable({ center = center, radius = radius, color = color, shine = shine }, Sphere)
end
function Sphere:hit(ray)
  local to = ray.origin:sub(self.center)
  local b = to:dot(ray.direction)
  local d = b * b - to:dot(to) + self.radius * self.radius
  if d < 0 then return nil end
  local t = -b - math.sqrt(d)
  if t > 0.001 then return t end
  return nil
end
function Sphere:normal(point) return point:sub(self.center):unit() end
function Sphere:color_at(_) return self.color end

local Floor = {}
Floor.__index = Floor
function Floor.new(height) return setmetatable({ height = height, shine = 0.1 }, Floor) end
function Floor:hit(ray)
  if ray.direction.y > -0.001 then return nil end
  local t = (self.height - ray.origin.y) / ray.direction.y
  if t > 0.001 then return t end
  return nil
end
function Floor:normal(_) return vec(0, 1, 0) end
function Floor:color_at(point)
  if (math.floor(point.x) + math.floor(point.z)) % 2 == 0 then return vec(0.2, 0.2, 0.2) end
  return vec(0.9, 0.9, 0.9)
end

local Scene = {}
Scene.__index = Scene
function Scene.new(things, light) return setmetatable({ things = things, light = light }, Scene) end
function Scene:nearest(ray)
  local best, distance = nil, 1000000
  for _, thing in ipairs(self.things) do
    local t = thing:hit(ray)
    if t and t < distance then
      distance = t
      best = thing
    end
  end
  return best, distance
end
function Scene:trace(ray, depth)
  local thing, distance = self:nearest(ray)
  if not thing then return vec(0.3, 0.5, 0.8):scale(0.5 + 0.5 * ray.direction.y) end
  local point = ray:at(distance)
  local normal = thing:normal(point)
  local to_light = self.light:sub(point):unit()
  local bright = 0.1
  if not self:nearest(Ray.new(point, to_light)) then
    bright = bright + 0.9 * math.max(normal:dot(to_light), 0)
  end
  local color = thing:color_at(point):scale(bright)
  if depth == 0 or thing.shine == 0 then return color end
  local bounced = ray.direction:sub(normal:scale(2 * normal:dot(ray.direction)))
  return color:scale(1 - thing.shine):add(self:trace(Ray.new(point, bounced), depth - 1):scale(thing.shine))
end

local things = { Floor.new(-1) }
for i = 0, 5 do
  local color = vec(0.3 + i * 0.1, 0.9 - i * 0.1, 0.5)
  table.insert(things, Sphere.new(vec(i * 1.5 - 3.75, i % 2 * 0.8 - 0.5, 6 - i % 3), 0.7, color, i % 3 * 0.25))
end
local scene = Scene.new(things, vec(-5, 8, -3))
local width, height = 240, 160
local sum = 0
for y = 0, height - 1 do
  for x = 0, width - 1 do
    local direction = vec((x - width / 2) / 120, (height / 2 - y) / 120, 1):unit()
    local color = scene:trace(Ray.new(vec(0, 0.5, -2), direction), 3)
    sum = (sum * 31 + math.floor((color.x + color.y + color.z) * 85)) % 1000003
  end
end
print(sum)
