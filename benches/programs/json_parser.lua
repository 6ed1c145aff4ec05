local Parser = {}
Parser.__index = Parser
local null = {}

function Parser.new(text) return setmetatable({ text = text, at = 1 }, Parser) end

function Parser:peek() return self.text:sub(self.at, self.at) end

function Parser:skip()
  while true do
    local c = self:peek()
    if c ~= " " and c ~= "\n" and c ~= "\t" and c ~= "\r" then return end
    self.at = self.at + 1
  end
end

function Parser:expect(c)
  if self:peek() ~= c then error("expected " .. c .. " at " .. self.at) end
  self.at = self.at + 1
end

function Parser:value()
  self:skip()
  local c = self:peek()
  local result
  if c == "{" then
    result = self:object()
  elseif c == "[" then
    result = self:array()
  elseif c == '"' then
    result = self:string()
  elseif c == "t" then
    result = self:word("true", true)
  elseif c == "f" then
    result = self:word("false", false)
  elseif c == "n" then
    result = self:word("null", null)
  else
    result = self:number()
  end
  self:skip()
  return result
end

function Parser:word(letters, value)
  for c in letters:gmatch(".") do self:expect(c) end
  return value
end

local function is_digit(c) return c >= "0" and c <= "9" end

function Parser:number()
  local sign = 1
  if self:peek() == "-" then
    sign = -1
    self.at = self.at + 1
  end
  if not is_digit(self:peek()) then error("expected a value at " .. self.at) end
  local n = 0
  while is_digit(self:peek()) do
    n = n * 10 + (self:peek():byte() - 48)
    self.at = self.at + 1
  end
  return sign * n
end

function Parser:string()
  self:expect('"')
  local parts = {}
  while self:peek() ~= '"' do
    local c = self:peek()
    if c == "" then error("unterminated string") end
    if c == "\\" then
      self.at = self.at + 1
      c = self:peek()
      if c == "n" then c = "\n" elseif c == "t" then c = "\t" end
    end
    parts[#parts + 1] = c
    self.at = self.at + 1
  end
  self.at = self.at + 1
  return table.concat(parts)
end

function Parser:array()
  self:expect("[")
  local items = {}
  self:skip()
  if self:peek() == "]" then
    self.at = self.at + 1
    return items
  end
  while true do
    items[#items + 1] = self:value()
    if self:peek() == "]" then break end
    self:expect(",")
  end
  self.at = self.at + 1
  return items
end

function Parser:object()
  self:expect("{")
  local members = {}
  self:skip()
  if self:peek() == "}" then
    self.at = self.at + 1
    return members
  end
  while true do
    self:skip()
    local key = self:string()
    self:skip()
    self:expect(":")
    members[key] = self:value()
    if self:peek() == "}" then break end
    self:expect(",")
  end
  self.at = self.at + 1
  return members
end

local records = {}
for i = 0, 19999 do
  records[#records + 1] = string.format(
    '{"id": %d, "name": "user %d", "tags": ["a\\n%d", "b"], "score": %d, "active": %s, "parent": null}',
    i, i % 97, i % 5, i * 7 % 1000 - 500, tostring(i % 3 == 0))
end
local text = "[" .. table.concat(records, ",\n  ") .. "]"
local sum, active, names, different = 0, 0, {}, 0
for _, record in ipairs(Parser.new(text):value()) do
  sum = (sum * 31 + record.score + #record.tags[1] + 1000) % 1000003
  if record.active then active = active + 1 end
  if not names[record.name] then different = different + 1 end
  names[record.name] = (names[record.name] or 0) + record.id
end
print(#text .. " " .. sum .. " " .. active .. " " .. different .. " " .. names["user 42"])
