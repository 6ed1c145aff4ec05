class Env {
  constructor(outer) {
    this.names = new Map();
    this.outer = outer;
  }

  get(name) {
    if (this.names.has(name)) return this.names.get(name);
    if (this.outer === null) throw new Error(`unbound ${name}`);
    return this.outer.get(name);
  }

  set(name, value) {
    this.names.set(name, value);
  }
}

class Num {
  constructor(value) {
    this.value = value;
  }

  eval(env) {
    return this.value;
  }
}

class Sym {
  constructor(name) {
    this.name = name;
  }

  eval(env) {
    return env.get(this.name);
  }
}

class If {
  constructor(test, yes, no) {
    this.test = test;
    this.yes = yes;
    this.no = no;
  }

  eval(env) {
    return this.test.eval(env) ? this.yes.eval(env) : this.no.eval(env);
  }
}

class Define {
  constructor(name, value) {
    this.name = name;
    this.value = value;
  }

  eval(env) {
    const value = this.value.eval(env);
    env.set(this.name, value);
    return value;
  }
}

class Lambda {
  constructor(parameters, body) {
    this.parameters = parameters;
    this.body = body;
  }

  eval(env) {
    return (args) => {
      const inner = new Env(env);
      this.parameters.forEach((name, i) => inner.set(name, args[i]));
      return this.body.eval(inner);
    };
  }
}

class Call {
  constructor(callee, args) {
    this.callee = callee;
    this.args = args;
  }

  eval(env) {
    const callee = this.callee.eval(env);
    return callee(this.args.map((a) => a.eval(env)));
  }
}

const tokens = (text) => text.replace(/[()]/g, " $& ").trim().split(/\s+/);

function read(list, at) {
  if (list[at] !== "(") return [list[at], at + 1];
  const items = [];
  at++;
  while (list[at] !== ")") {
    const [item, next] = read(list, at);
    items.push(item);
    at = next;
  }
  return [items, at + 1];
}

function compile(form) {
  if (typeof form === "string") {
    return /^\d+$/.test(form) ? new Num(Number(form)) : new Sym(form);
  }
  const [head, ...rest] = form;
  if (head === "if") return new If(...rest.map(compile));
  if (head === "define") return new Define(rest[0], compile(rest[1]));
  if (head === "lambda") return new Lambda(rest[0], compile(rest[1]));
  return new Call(compile(head), rest.map(compile));
}

const globals = new Env(null);
globals.set("+", (xs) => xs[0] + xs[1]);
globals.set("-", (xs) => xs[0] - xs[1]);
globals.set("*", (xs) => xs[0] * xs[1]);
globals.set("<", (xs) => xs[0] < xs[1]);
globals.set("=", (xs) => xs[0] === xs[1]);
globals.set("mod", (xs) => xs[0] % xs[1]);
globals.set("cons", (xs) => [xs[0], xs[1]]);
globals.set("car", (xs) => xs[0][0]);
globals.set("cdr", (xs) => xs[0][1]);
globals.set("null", (xs) => xs[0] === null);
globals.set("nil", null);

const program = [
    "(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))",
    "(fib 22)",
    "(define range (lambda (a b) (if (= a b) nil (cons a (range (+ a 1) b)))))",
    "(define map (lambda (f xs) (if (null xs) nil (cons (f (car xs)) (map f (cdr xs))))))",
    "(define fold (lambda (f acc xs) (if (null xs) acc (fold f (f acc (car xs)) (cdr xs)))))",
    "(define adder (lambda (n) (lambda (x) (+ x n))))",
    "(define compose (lambda (f g) (lambda (x) (f (g x)))))",
    "(define work (lambda (k total) (if (= k 0) total (work (- k 1) (mod (+ total (fold + 0 (map (compose (adder k) (lambda (x) (* x x))) (range 0 100)))) 1000003)))))",
    "(work 80 0)",
];
for (const line of program) {
  const [form] = read(tokens(line), 0);
  const value = compile(form).eval(globals);
  if (typeof value === "number") console.log(value);
}
