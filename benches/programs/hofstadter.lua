local male

local function female(n)
  if n == 0 then return 1 end
  return n - male(female(n - 1))
end

function male(n)
  if n == 0 then return 0 end
  return n - female(male(n - 1))
end

local sum = 0
for n = 0, 74 do
  sum = sum + female(n) - male(n) + n % 7 * male(math.floor(n / 2))
end
print(sum)
