local text = "the walrus and the carpenter were walking close at hand they wept like anything to see such quantities of sand"
local counts = {}
for round = 1, 20000 do
  for word in text:gmatch("[^ ]+") do
    counts[word] = (counts[word] or 0) + 1
  end
end
local total = 0
for word, count in pairs(counts) do total = total + count * #word end
print(total)
