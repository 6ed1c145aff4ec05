class Steps { constructor(f, t, b) { this.at = f; this.to = t; this.by = b; } [Symbol.iterator]() { return this; } next() { if (this.at >= this.to) return {done: true, value: undefined}; const at = this.at; this.at += this.by; return {done: false, value: at}; } }
class Linked { constructor() { this.first = null; } add(v) { this.first = {value: v, next: this.first}; } *[Symbol.iterator]() { for (let n = this.first; n !== null; n = n.next) yield n.value; } }
class Sparse { constructor() { this.xs = []; } *[Symbol.iterator]() { for (let i = 0; i < this.xs.length; i++) yield [i, this.xs[i]]; } }
const list = new Linked(), sparse = new Sparse(); for (let i = 0; i < 1000; i++) { list.add(i); sparse.xs.push(i * 0.5); }
let a = 0, b = 0, c = 0; for (let r = 0; r < 20000; r++) { for (const x of new Steps(0, 1000, 3)) a += x; for (const x of list) b += x; for (const [k, v] of sparse) c += v * k; }
console.log(a + " " + b + " " + c);
