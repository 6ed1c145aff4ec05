local function letters(n)
  local out, seed = {}, 11
  for i = 1, n do
    seed = (seed * 1309 + 13849) % 65536
    local at = math.floor(seed / 64) % 4 + 1
    out[i] = ("acgt"):sub(at, at)
  end
  return table.concat(out)
end

local function count(text, k)
  local counts = {}
  for i = 1, #text - k + 1 do
    local part = text:sub(i, i + k - 1)
    counts[part] = (counts[part] or 0) + 1
  end
  return counts
end

local text = letters(800000)
for k = 1, 8 do
  local different, most, sum = 0, 0, 0
  for _, times in pairs(count(text, k)) do
    if times > most then most = times end
    sum = sum + times
    different = different + 1
  end
  print(k .. ": " .. different .. " " .. most .. " " .. sum)
end
