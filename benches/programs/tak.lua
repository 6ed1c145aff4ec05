local function tak(x, y, z)
  if y >= x then return z end
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
end

for i = 0, 5 do
  print(tak(24 + i, 16, 8))
end
