local function Task(name, action)
  return { name = name, action = action, mail = {}, runs = 0, value = 0, next = nil }
end

local Scheduler = {}
Scheduler.__index = Scheduler

function Scheduler.new()
  return setmetatable({ tasks = {}, trace = function() end, sent = 0, checksum = 0 }, Scheduler)
end

function Scheduler:add(task)
  table.insert(self.tasks, task)
  return task
end

function Scheduler:send(task, message)
  self.sent = self.sent + 1
  table.insert(task.mail, message)
end

function Scheduler:turn()
  for _, task in ipairs(self.tasks) do
    task.runs = task.runs + 1
    task.action(self, task)
    self.trace(task)
  end
end

local function producer(step)
  return function(scheduler, task)
    task.value = (task.value + step) % 1009
    scheduler:send(task.next, task.value)
  end
end

local function filter(accepts)
  return function(scheduler, task)
    while #task.mail > 0 do
      local message = table.remove(task.mail)
      if accepts(message) then scheduler:send(task.next, message + task.runs % 3) end
    end
  end
end

local function consume(_, task)
  while #task.mail > 0 do
    task.value = (task.value * 31 + table.remove(task.mail)) % 1000003
  end
end

local scheduler = Scheduler.new()
local sink = Task("sink", consume)
local odd = Task("odd", filter(function(message) return message % 2 == 1 end))
local small = Task("small", filter(function(message) return message < 500 end))
odd.next = small
small.next = sink
for _, step in ipairs({ 3, 7, 11, 19, 29 }) do
  local task = scheduler:add(Task("producer " .. step, producer(step)))
  task.next = step < 10 and odd or small
end
scheduler:add(odd)
scheduler:add(small)
scheduler:add(sink)
scheduler.trace = function(task)
  scheduler.checksum = (scheduler.checksum * 7 + task.value + task.runs) % 1000003
end
for _ = 1, 300000 do scheduler:turn() end
print(scheduler.sent .. " " .. scheduler.checksum .. " " .. sink.value)
