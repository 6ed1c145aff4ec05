local function compress(data, window)
    local out, i = {}, 1
    while i <= #data do
        local best, from = 0, 0
        local start = i - window
        if start < 1 then start = 1 end
        local j = start
        while j < i do
            local k = 0
            while i + k <= #data and k < 255 and data[j + k] == data[i + k] do k = k + 1 end
            if k > best then
                best = k
                from = i - j
            end
            j = j + 1
        end
        if best > 3 then
            out[#out + 1] = 256 + best
            out[#out + 1] = from
            i = i + best
        else
            out[#out + 1] = data[i]
            i = i + 1
        end
    end
    return out
end

local function expand(packed)
    local out, i = {}, 1
    while i <= #packed do
        if packed[i] >= 256 then
            local from = #out - packed[i + 1]
            for k = 1, packed[i] - 256 do out[#out + 1] = out[from + k] end
            i = i + 2
        else
            out[#out + 1] = packed[i]
            i = i + 1
        end
    end
    return out
end

local data, seed = {}, 42
for i = 0, 9999 do
    seed = (seed * 1309 + 13849) % 65536
    if i > 3000 and seed % 7 == 0 then
        local from = seed % 2000 + 100
        for k = 1, 12 do data[#data + 1] = data[#data - from + 1] end
    else
        data[#data + 1] = math.floor(seed / 512) % 16
    end
end
local packed = compress(data, 400)
local again = expand(packed)
local same = #again == #data
for i = 1, #data do same = same and again[i] == data[i] end
print(#data .. " " .. #packed .. " " .. tostring(same))
