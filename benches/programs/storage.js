class Random { constructor() { this.seed = 74755; } next() { this.seed = (this.seed * 1309 + 13849) & 65535; return this.seed; } }
class Storage { constructor() { this.count = 0; }
  build(depth, random) { this.count++; if (depth === 1) return new Array(random.next() % 10 + 1).fill(null);
    const nodes = new Array(4).fill(null); for (let i = 0; i < 4; i++) nodes[i] = this.build(depth - 1, random); return nodes; } }
let total = 0; for (let i = 0; i < 1000; i++) { const s = new Storage(); s.build(7, new Random()); total += s.count; }
console.log(total);
