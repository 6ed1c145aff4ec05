class Num { constructor(n) { this.n = n; } eval(x) { return this.n; } }
class Var { constructor() { this.n = 0; } eval(x) { return x; } }
class Add { constructor(a, b) { this.a = a; this.b = b; } eval(x) { return this.a.eval(x) + this.b.eval(x); } }
class Sub { constructor(a, b) { this.a = a; this.b = b; } eval(x) { return this.a.eval(x) - this.b.eval(x); } }
class Mul { constructor(a, b) { this.a = a; this.b = b; } eval(x) { return this.a.eval(x) * this.b.eval(x) % 1009; } }
class Max { constructor(a, b) { this.a = a; this.b = b; } eval(x) { const p = this.a.eval(x), q = this.b.eval(x); return p > q ? p : q; } }
class Neg { constructor(a) { this.a = a; } eval(x) { return -this.a.eval(x); } }
class If { constructor(c, a, b) { this.c = c; this.a = a; this.b = b; } eval(x) { if (this.c.eval(x) > 0) return this.a.eval(x); return this.b.eval(x); } }
class Gen { constructor() { this.seed = 5; } next(n) { this.seed = this.seed * 16807 % 2147483647; return this.seed % n; }
  tree(d) { if (d === 0) return this.next(2) === 0 ? new Num(this.next(100)) : new Var(); const k = this.next(6);
    if (k === 0) return new Add(this.tree(d - 1), this.tree(d - 1)); if (k === 1) return new Sub(this.tree(d - 1), this.tree(d - 1)); if (k === 2) return new Mul(this.tree(d - 1), this.tree(d - 1));
    if (k === 3) return new Max(this.tree(d - 1), this.tree(d - 1)); if (k === 4) return new Neg(this.tree(d - 1)); return new If(this.tree(d - 1), this.tree(d - 1), this.tree(d - 1)); } }
const t = new Gen().tree(10); let sum = 0; for (let i = 0; i < 20000; i++) sum = (sum + t.eval(i % 50)) % 1000003; console.log(sum);
