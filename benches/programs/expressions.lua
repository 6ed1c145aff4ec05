local function class() local c = {} c.__index = c return c end
local fmod = math.fmod
local Num, Var, Add, Sub, Mul, Max, Neg, If = class(), class(), class(), class(), class(), class(), class(), class()
function Num:eval(x) return self.n end
function Var:eval(x) return x end
function Add:eval(x) return self.a:eval(x) + self.b:eval(x) end
function Sub:eval(x) return self.a:eval(x) - self.b:eval(x) end
function Mul:eval(x) return fmod(self.a:eval(x) * self.b:eval(x), 1009) end
function Max:eval(x) local p, q = self.a:eval(x), self.b:eval(x) if p > q then return p end return q end
function Neg:eval(x) return -self.a:eval(x) end
function If:eval(x) if self.c:eval(x) > 0 then return self.a:eval(x) end return self.b:eval(x) end
local seed = 5
local function nxt(n) seed = seed * 16807 % 2147483647 return seed % n end
local function tree(d)
  if d == 0 then if nxt(2) == 0 then return setmetatable({n = nxt(100)}, Num) end return setmetatable({n = 0}, Var) end
  local k = nxt(6)
  if k == 4 then return setmetatable({a = tree(d - 1)}, Neg) end
  if k == 5 then local c, a, b = tree(d - 1), tree(d - 1), tree(d - 1) return setmetatable({c = c, a = a, b = b}, If) end
  local a, b = tree(d - 1), tree(d - 1)
  return setmetatable({a = a, b = b}, ({[0] = Add, Sub, Mul, Max})[k])
end
local t, sum = tree(10), 0
for i = 0, 19999 do sum = fmod(sum + t:eval(i % 50), 1000003) end
print(string.format("%d", sum))
