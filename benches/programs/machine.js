function jumps(code) {
  const targets = new Array(code.length).fill(0);
  const open = [];
  for (let i = 0; i < code.length; i++) {
    if (code[i] === 6) {
      open.push(i);
    } else if (code[i] === 7) {
      const start = open.pop();
      targets[start] = i;
      targets[i] = start;
    }
  }
  return targets;
}

function run(code, targets, cells) {
  let sum = 0;
  let at = 0;
  let pc = 0;
  while (pc < code.length) {
    const op = code[pc];
    if (op === 0) {
      at++;
    } else if (op === 1) {
      at--;
    } else if (op === 2) {
      cells[at] = (cells[at] + 1) & 255;
    } else if (op === 3) {
      cells[at] = (cells[at] - 1) & 255;
    } else if (op === 4) {
      sum = (sum * 31 + cells[at]) % 1000003;
    } else if (op === 6) {
      if (cells[at] === 0) pc = targets[pc];
    } else if (op === 7) {
      if (cells[at] !== 0) pc = targets[pc];
    }
    pc++;
  }
  return sum;
}

function translate(text) {
  const code = [];
  for (const c of text) {
    const found = "><+-.,[]".indexOf(c);
    if (found >= 0) code.push(found);
  }
  return code;
}

const cells = new Array(300).fill(0);
const squares =
  "++++[>+++++<-]>[<+++++>-]+<+[>[>+>+<<-]++>>[<<+>>-]>>>[-]++>[-]+>>>+[[-]++++++>>>]<<<[[<++++++++<++>>-]+<.<[>----<-]<]<<[>>>>>[>>>[-]+++++++++<[>-<-]+++++++++>[-[<->-]+[<<<]]<[>+<-]>]<<-]<<-]";
const nested = "++++++++[>++++++++[>++++++++[>++++++++[>++++++++[>++++++++[>+<-]<-]<-]<-]<-]<-]>>>>>>.";
for (const program of [squares, nested, squares]) {
  const code = translate(program);
  console.log(run(code, jumps(code), cells));
  cells.fill(0);
}
