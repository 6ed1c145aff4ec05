local Env = {}
Env.__index = Env

function Env.new(outer)
  return setmetatable({ names = {}, outer = outer }, Env)
end

function Env:get(name)
  local value = self.names[name]
  if value ~= nil then return value end
  if not self.outer then error("unbound " .. name) end
  return self.outer:get(name)
end

function Env:set(name, value) self.names[name] = value end

local function class(eval)
  local methods = { eval = eval }
  methods.__index = methods
  return function(fields) return setmetatable(fields, methods) end
end

local Number = class(function(self) return self.value end)
local Symbol = class(function(self, env) return env:get(self.name) end)
local If = class(function(self, env)
  if self.test:eval(env) then return self.yes:eval(env) end
  return self.no:eval(env)
end)
local Define = class(function(self, env)
  local value = self.value:eval(env)
  env:set(self.name, value)
  return value
end)
local Lambda = class(function(self, env)
  local parameters, body = self.parameters, self.body
  return function(arguments)
    local inner = Env.new(env)
    for i, name in ipairs(parameters) do inner:set(name, arguments[i]) end
    return body:eval(inner)
  end
end)
local Call = class(function(self, env)
  local callee = self.callee:eval(env)
  local arguments = {}
  for i, a in ipairs(self.arguments) do arguments[i] = a:eval(env) end
  return callee(arguments)
end)

local function tokens(text)
  local list = {}
  for token in text:gsub("[()]", " %0 "):gmatch("%S+") do list[#list + 1] = token end
  return list
end

local function read(list, at)
  if list[at] ~= "(" then return list[at], at + 1 end
  local items = {}
  at = at + 1
  while list[at] ~= ")" do
    local item
    item, at = read(list, at)
    items[#items + 1] = item
  end
  return items, at + 1
end

local function compile(form)
  if type(form) == "string" then
    local number = tonumber(form)
    if number then return Number({ value = number }) end
    return Symbol({ name = form })
  end
  local head = form[1]
  if head == "if" then
    return If({ test = compile(form[2]), yes = compile(form[3]), no = compile(form[4]) })
  elseif head == "define" then
    return Define({ name = form[2], value = compile(form[3]) })
  elseif head == "lambda" then
    return Lambda({ parameters = form[2], body = compile(form[3]) })
  end
  local arguments = {}
  for i = 2, #form do arguments[i - 1] = compile(form[i]) end
  return Call({ callee = compile(head), arguments = arguments })
end

local globals = Env.new(nil)
globals:set("+", function(xs) return xs[1] + xs[2] end)
globals:set("-", function(xs) return xs[1] - xs[2] end)
globals:set("*", function(xs) return xs[1] * xs[2] end)
globals:set("<", function(xs) return xs[1] < xs[2] end)
globals:set("=", function(xs) return xs[1] == xs[2] end)
globals:set("mod", function(xs) return xs[1] % xs[2] end)
globals:set("cons", function(xs) return { xs[1], xs[2] } end)
globals:set("car", function(xs) return xs[1][1] end)
globals:set("cdr", function(xs) return xs[1][2] end)
globals:set("null", function(xs) return not xs[1] end)
globals:set("nil", false)

local program = {
    "(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))",
    "(fib 22)",
    "(define range (lambda (a b) (if (= a b) nil (cons a (range (+ a 1) b)))))",
    "(define map (lambda (f xs) (if (null xs) nil (cons (f (car xs)) (map f (cdr xs))))))",
    "(define fold (lambda (f acc xs) (if (null xs) acc (fold f (f acc (car xs)) (cdr xs)))))",
    "(define adder (lambda (n) (lambda (x) (+ x n))))",
    "(define compose (lambda (f g) (lambda (x) (f (g x)))))",
    "(define work (lambda (k total) (if (= k 0) total (work (- k 1) (mod (+ total (fold + 0 (map (compose (adder k) (lambda (x) (* x x))) (range 0 100)))) 1000003)))))",
    "(work 80 0)",
}
for _, line in ipairs(program) do
  local form = read(tokens(line), 1)
  local value = compile(form):eval(globals)
  if type(value) == "number" then print(value) end
end
