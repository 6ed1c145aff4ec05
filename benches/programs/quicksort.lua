local function quicksort(xs, lo, hi)
  while lo < hi do
    local pivot = xs[math.floor((lo + hi) / 2) + 1]
    local i, j = lo, hi
    while i <= j do
      while xs[i + 1] < pivot do i = i + 1 end
      while xs[j + 1] > pivot do j = j - 1 end
      if i <= j then
        xs[i + 1], xs[j + 1] = xs[j + 1], xs[i + 1]
        i = i + 1
        j = j - 1
      end
    end
    if j - lo < hi - i then
      quicksort(xs, lo, j)
      lo = i
    else
      quicksort(xs, i, hi)
      hi = j
    end
  end
end
local xs, seed = {}, 7
for i = 1, 600000 do
  seed = seed * 16807 % 2147483647
  xs[i] = seed
end
quicksort(xs, 0, #xs - 1)
local sum = 0
for i = 1, #xs do sum = (sum * 31 + xs[i]) % 1000003 end
print(sum)
