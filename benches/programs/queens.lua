local function place(row, n, rows, ups, downs)
    if row == n then return 1 end
    local found = 0
    for column = 0, n - 1 do
        if not rows[column + 1] and not ups[row + column + 1] and not downs[row - column + n] then
            rows[column + 1] = true
            ups[row + column + 1] = true
            downs[row - column + n] = true
            found = found + place(row + 1, n, rows, ups, downs)
            rows[column + 1] = false
            ups[row + column + 1] = false
            downs[row - column + n] = false
        end
    end
    return found
end

local function flags(n)
    local list = {}
    for i = 1, n do list[i] = false end
    return list
end

for n = 4, 11 do
    print(n .. ": " .. place(0, n, flags(n), flags(2 * n), flags(2 * n)))
end
