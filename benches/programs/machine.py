def jumps(code):
    targets = [0] * len(code)
    opened = []
    for i, op in enumerate(code):
        if op == 6:
            opened.append(i)
        elif op == 7:
            start = opened.pop()
            targets[start] = i
            targets[i] = start
    return targets


def run(code, targets, cells):
    total = 0
    at = 0
    pc = 0
    while pc < len(code):
        op = code[pc]
        if op == 0:
            at += 1
        elif op == 1:
            at -= 1
        elif op == 2:
            cells[at] = (cells[at] + 1) & 255
        elif op == 3:
            cells[at] = (cells[at] - 1) & 255
        elif op == 4:
            total = (total * 31 + cells[at]) % 1000003
        elif op == 6:
            if cells[at] == 0:
                pc = targets[pc]
        elif op == 7:
            if cells[at] != 0:
                pc = targets[pc]
        pc += 1
    return total


def translate(text):
    names = "><+-.,[]"
    return [names.index(c) for c in text if c in names]


squares = "++++[>+++++<-]>[<+++++>-]+<+[>[>+>+<<-]++>>[<<+>>-]>>>[-]++>[-]+>>>+[[-]++++++>>>]<<<[[<++++++++<++>>-]+<.<[>----<-]<]<<[>>>>>[>>>[-]+++++++++<[>-<-]+++++++++>[-[<->-]+[<<<]]<[>+<-]>]<<-]<<-]"
nested = "++++++++[>++++++++[>++++++++[>++++++++[>++++++++[>++++++++[>+<-]<-]<-]<-]<-]<-]>>>>>>."
for program in [squares, nested, squares]:
    code = translate(program)
    print(run(code, jumps(code), [0] * 300))
