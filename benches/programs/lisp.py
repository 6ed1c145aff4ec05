import sys

sys.setrecursionlimit(100000)


class Env:
    def __init__(self, outer):
        self.names = {}
        self.outer = outer

    def get(self, name):
        if name in self.names:
            return self.names[name]
        if self.outer is None:
            raise NameError(f"unbound {name}")
        return self.outer.get(name)

    def set(self, name, value):
        self.names[name] = value


class Number:
    def __init__(self, value):
        self.value = value

    def eval(self, env):
        return self.value


class Symbol:
    def __init__(self, name):
        self.name = name

    def eval(self, env):
        return env.get(self.name)


class If:
    def __init__(self, test, yes, no):
        self.test = test
        self.yes = yes
        self.no = no

    def eval(self, env):
        if self.test.eval(env):
            return self.yes.eval(env)
        return self.no.eval(env)


class Define:
    def __init__(self, name, value):
        self.name = name
        self.value = value

    def eval(self, env):
        value = self.value.eval(env)
        env.set(self.name, value)
        return value


class Lambda:
    def __init__(self, parameters, body):
        self.parameters = parameters
        self.body = body

    def eval(self, env):
        def procedure(arguments):
            inner = Env(env)
            for name, value in zip(self.parameters, arguments):
                inner.set(name, value)
            return self.body.eval(inner)

        return procedure


class Call:
    def __init__(self, callee, arguments):
        self.callee = callee
        self.arguments = arguments

    def eval(self, env):
        callee = self.callee.eval(env)
        return callee([a.eval(env) for a in self.arguments])


def tokens(text):
    return text.replace("(", " ( ").replace(")", " ) ").split()


def read(items, at):
    if items[at] != "(":
        return items[at], at + 1
    form = []
    at += 1
    while items[at] != ")":
        item, at = read(items, at)
        form.append(item)
    return form, at + 1


def build(form):
    if isinstance(form, str):
        return Number(int(form)) if form.isdigit() else Symbol(form)
    head, *rest = form
    if head == "if":
        return If(*map(build, rest))
    if head == "define":
        return Define(rest[0], build(rest[1]))
    if head == "lambda":
        return Lambda(rest[0], build(rest[1]))
    return Call(build(head), [build(item) for item in rest])


top = Env(None)
top.set("+", lambda xs: xs[0] + xs[1])
top.set("-", lambda xs: xs[0] - xs[1])
top.set("*", lambda xs: xs[0] * xs[1])
top.set("<", lambda xs: xs[0] < xs[1])
top.set("=", lambda xs: xs[0] == xs[1])
top.set("mod", lambda xs: xs[0] % xs[1])
top.set("cons", lambda xs: (xs[0], xs[1]))
top.set("car", lambda xs: xs[0][0])
top.set("cdr", lambda xs: xs[0][1])
top.set("null", lambda xs: xs[0] is None)
top.set("nil", None)

program = [
    "(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))",
    "(fib 22)",
    "(define range (lambda (a b) (if (= a b) nil (cons a (range (+ a 1) b)))))",
    "(define map (lambda (f xs) (if (null xs) nil (cons (f (car xs)) (map f (cdr xs))))))",
    "(define fold (lambda (f acc xs) (if (null xs) acc (fold f (f acc (car xs)) (cdr xs)))))",
    "(define adder (lambda (n) (lambda (x) (+ x n))))",
    "(define compose (lambda (f g) (lambda (x) (f (g x)))))",
    "(define work (lambda (k total) (if (= k 0) total (work (- k 1) (mod (+ total (fold + 0 (map (compose (adder k) (lambda (x) (* x x))) (range 0 100)))) 1000003)))))",
    "(work 80 0)",
]
for line in program:
    form, _ = read(tokens(line), 0)
    value = build(form).eval(top)
    if type(value) is int:
        print(value)
