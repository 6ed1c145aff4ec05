class Block { constructor(n) { this.name = n; this.ins = []; this.outs = []; } }
class Loop { constructor(h) { this.header = h; this.blocks = []; this.children = []; this.parent = null; this.level = 0; } }
class Union { constructor() { this.parent = null; this.block = null; this.number = 0; this.loop = null; }
  setup(b, n) { this.parent = this; this.block = b; this.number = n; this.loop = null; }
  find() { const nodes = []; let node = this; while (node !== node.parent) { if (node.parent !== node.parent.parent) nodes.push(node); node = node.parent; } for (const n of nodes) n.parent = node.parent; return node; } }
class Graph { constructor() { this.blocks = []; this.start = null; } block() { const b = new Block(this.blocks.length); this.blocks.push(b); if (this.start === null) this.start = b; return b; } edge(a, b) { a.outs.push(b); b.ins.push(a); } }
class Finder { constructor(g) { this.graph = g; this.loops = []; this.count = 0; }
  number(b, current, nodes, numbers, last) { nodes[current].setup(b, current); numbers[b.name] = current; let lastid = current; for (const out of b.outs) if (numbers[out.name] === -1) lastid = this.number(out, lastid + 1, nodes, numbers, last); last[current] = lastid; return lastid; }
  run() { const size = this.graph.blocks.length; const numbers = new Array(size).fill(-1), last = new Array(size).fill(0), header = new Array(size).fill(0), kinds = new Array(size).fill(0), nodes = [], back = [], nonBack = [];
    for (let i = 0; i < size; i++) { nodes.push(new Union()); back.push([]); nonBack.push([]); }
    const reached = this.number(this.graph.start, 0, nodes, numbers, last) + 1;
    for (let w = 0; w < reached; w++) for (const v of nodes[w].block.ins) { const n = numbers[v.name]; if (n !== -1) { if (w <= n && n <= last[w]) back[w].push(n); else nonBack[w].push(n); } }
    for (let w = reached - 1; w >= 0; w--) { const pool = [], seen = new Set();
      for (const v of back[w]) { if (v !== w) { const f = nodes[v].find(); if (!seen.has(f.number)) { seen.add(f.number); pool.push(f); } } else kinds[w] = 2; }
      const work = []; for (const p of pool) work.push(p); if (pool.length > 0) kinds[w] = 1;
      while (work.length > 0) { const x = work.pop(); for (const y of nonBack[x.number]) { const yd = nodes[y].find(); if (!(w <= yd.number && yd.number <= last[w])) { kinds[w] = 3; nonBack[w].push(yd.number); } else if (yd.number !== w && !seen.has(yd.number)) { seen.add(yd.number); work.push(yd); pool.push(yd); } } }
      if (pool.length > 0 || kinds[w] === 2) { const l = new Loop(nodes[w].block); this.loops.push(l); nodes[w].loop = l; for (const node of pool) { header[node.number] = w; node.parent = nodes[w]; if (node.loop !== null) { node.loop.parent = l; l.children.push(node.loop); } else l.blocks.push(node.block); } this.count++; } }
    return this.count; } }
function diamond(g, s) { const a = g.block(), b = g.block(), c = g.block(); g.edge(s, a); g.edge(s, b); g.edge(a, c); g.edge(b, c); return c; }
function straight(g, s, n) { let b = s; for (let i = 0; i < n; i++) { const x = g.block(); g.edge(b, x); b = x; } return b; }
function baseLoop(g, from) { const header = straight(g, from, 1), d1 = diamond(g, header), d11 = straight(g, d1, 1), d2 = diamond(g, d11), footer = straight(g, d2, 1); g.edge(d2, d11); g.edge(d11, header); g.edge(footer, from); return straight(g, footer, 1); }
const g = new Graph(); let node = g.block(); for (let i = 0; i < 4; i++) for (let j = 0; j < 5; j++) for (let k = 0; k < 8; k++) node = baseLoop(g, node);
let total = 0; for (let i = 0; i < 320; i++) total += new Finder(g).run(); console.log(g.blocks.length + " " + total);
