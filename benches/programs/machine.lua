local function jumps(code)
    local targets, open = {}, {}
    for i = 1, #code do
        targets[i] = 0
        if code[i] == 6 then
            open[#open + 1] = i
        elseif code[i] == 7 then
            local start = table.remove(open)
            targets[start] = i
            targets[i] = start
        end
    end
    return targets
end

local function run(code, targets, cells)
    local sum, at, pc = 0, 1, 1
    while pc <= #code do
        local op = code[pc]
        if op == 0 then
            at = at + 1
        elseif op == 1 then
            at = at - 1
        elseif op == 2 then
            cells[at] = (cells[at] + 1) % 256
        elseif op == 3 then
            cells[at] = (cells[at] - 1) % 256
        elseif op == 4 then
            sum = (sum * 31 + cells[at]) % 1000003
        elseif op == 6 then
            if cells[at] == 0 then pc = targets[pc] end
        elseif op == 7 then
            if cells[at] ~= 0 then pc = targets[pc] end
        end
        pc = pc + 1
    end
    return sum
end

local function translate(text)
    local names, code = "><+-.,[]", {}
    for i = 1, #text do
        local found = names:find(text:sub(i, i), 1, true)
        if found then code[#code + 1] = found - 1 end
    end
    return code
end

local cells = {}
for i = 1, 300 do cells[i] = 0 end
local squares = "++++[>+++++<-]>[<+++++>-]+<+[>[>+>+<<-]++>>[<<+>>-]>>>[-]++>[-]+>>>+[[-]++++++>>>]<<<[[<++++++++<++>>-]+<.<[>----<-]<]<<[>>>>>[>>>[-]+++++++++<[>-<-]+++++++++>[-[<->-]+[<<<]]<[>+<-]>]<<-]<<-]"
local nested = "++++++++[>++++++++[>++++++++[>++++++++[>++++++++[>++++++++[>+<-]<-]<-]<-]<-]<-]>>>>>>."
for _, program in ipairs({squares, nested, squares}) do
    local code = translate(program)
    print(run(code, jumps(code), cells))
    for i = 1, 300 do cells[i] = 0 end
end
