"""The tree to Python closures, and the machine that runs them.

A frame is a list: the cells that the function captured first, then a cell for each variable. Each execution of a
declaration makes a new cell, so closures keep what they captured. A statement gives None, or how it was left: a signal,
or a tuple of the value that it returns.
"""

import os
import sys

import tasks
import values
from lexer import CompileError, clean
from library import Unsupported, std_module
from methods import TABLES
from formats import format_value
from syntax import Parser
from values import Bound, Builtin, Dict, Function, Instance, Module, Range, Struct, Thrown, error, text, truthy

BREAK, CONTINUE = "break", "continue"
MAX_DEPTH = 219_999  # Calls in each other: the program's own frame, and a task's first, make one more.


class Tail:
    __slots__ = ("function", "args")

    def __init__(self, function, args):
        self.function, self.args = function, args


class Variable:
    __slots__ = ("owner", "slot")

    def __init__(self, owner, slot):
        self.owner, self.slot = owner, slot


class Scope:
    """What is known of one function while it is compiled."""

    def __init__(self, parent, module, structs=()):
        self.parent, self.module, self.structs = parent, module, list(structs)
        self.blocks, self.size, self.captured, self.sources = [{}], 1, {}, []
        self.loops, self.tries, self.uses_outer, self.own = 0, 0, False, None

    def declare(self, name, offset=0):
        block = self.blocks[-1]
        if name in block:
            raise CompileError(f"Cannot redefine local variable with name '{name}'", offset)
        block[name] = Variable(self, self.size)
        self.size += 1
        return block[name].slot

    def find(self, name):
        for block in reversed(self.blocks):
            if name in block:
                return block[name]
        return self.parent.find(name) if self.parent else None

    def is_global_level(self):
        return self.parent is None and len(self.blocks) == 1

    def access(self, variable):
        """Where a variable's cell is: its slot, or its place among the captures and True."""
        if variable.owner is self:
            return variable.slot, False
        if variable is not self.own:
            self.uses_outer = True
        if variable not in self.captured:
            self.captured[variable] = len(self.sources)
            self.sources.append(self.parent.access(variable))
        return self.captured[variable], True


def cell(place):
    where, is_captured = place
    if is_captured:
        return lambda frame: frame[0][where]
    return lambda frame: frame[where]


class Compiler:
    def __init__(self, machine, module, folder, loading):
        self.machine, self.module, self.folder, self.loading = machine, module, folder, loading

    # Modules.

    def program(self, tree):
        module, scope = self.module, Scope(None, self.module)
        self.scope = scope
        hoisted = []
        for node in tree:
            if node[0] == "let":
                for name in node[2]:
                    self.define_global(name)
            elif node[0] in ("fn", "struct"):
                if any(other[2] == node[2] for other in hoisted):
                    raise CompileError(f"Duplicate definition of '{node[2]}'", node[1])
                hoisted.append(node)
                self.define_global(node[2])
            elif node[0] == "import":
                module.names.setdefault(node[3], [])
        early = [self.definition(node) for node in hoisted]
        rest = self.statements([node for node in tree if node[0] not in ("fn", "struct")])

        def run():
            frame = [None] * scope.size
            for code in early:
                code(frame)
            rest(frame)

        module.run = run

    def define_global(self, name):
        self.module.names.setdefault(name, [])
        if name not in self.module.exported:
            self.module.exported.append(name)

    # Statements.

    def statements(self, nodes):
        codes = [self.statement(node) for node in nodes]

        def run(frame):
            for code in codes:
                left = code(frame)
                if left is not None:
                    return left

        return run

    def block(self, nodes):
        self.scope.blocks.append({})
        code = self.statements(nodes)
        self.scope.blocks.pop()
        return code

    def statement(self, node):
        return getattr(self, "do_" + node[0])(*node[1:])

    def definition(self, node):
        return self.statement(node)

    def do_block(self, _, body):
        return self.block(body)

    def do_expression(self, _, value):
        code = self.value(value)

        def run(frame):
            code(frame)

        return run

    def store_name(self, name, offset):
        """Stores into a new variable."""
        if self.scope.is_global_level():
            cells = self.module.names[name]

            def store(frame, value):
                cells[:] = [value]
        else:
            slot = self.scope.declare(name, offset)

            def store(frame, value):
                frame[slot] = [value]
        return store

    def do_let(self, offset, names, nodes):
        codes = [self.value(node) for node in nodes]
        stores = [self.store_name(name, offset) for name in names]
        return self.assigning(stores, codes)

    @staticmethod
    def assigning(stores, codes):
        if len(stores) == len(codes) == 1:
            store, code = stores[0], codes[0]

            def run(frame):
                store(frame, code(frame))
        elif len(codes) == 1:
            code, count = codes[0], len(stores)

            def run(frame):
                for store, item in zip(stores, values.unpack(code(frame), count)):
                    store(frame, item)
        else:
            def run(frame):
                results = [code(frame) for code in codes]
                for store, item in zip(stores, results):
                    store(frame, item)
        return run

    def do_assign(self, _, targets, nodes):
        if len(targets) == 1 and len(nodes) == 1:
            return self.assign_one(targets[0], nodes[0])
        codes = [self.value(node) for node in nodes]
        return self.assigning([self.target(target) for target in targets], codes)

    def assign_one(self, target, node):
        """A single assignment evaluates the parts of its target first."""
        if target[0] == "name":
            return self.assigning([self.target(target)], [self.value(node)])
        holder = self.value(target[2])
        if target[0] == "member":
            name, code = target[3], self.value(node)

            def run(frame):
                value = holder(frame)
                values.set_member(value, name, code(frame))
        else:
            index, code = self.value(target[3]), self.value(node)

            def run(frame):
                value, key = holder(frame), index(frame)
                values.set_index(value, key, code(frame))
        return run

    def target(self, node):
        """Stores a value that was computed before."""
        if node[0] == "name":
            found = self.cell_of(node[2], node[1])
            if found is None:
                raise CompileError(f"Cannot assign to '{node[2]}'", node[1])
            is_global = isinstance(found, list)

            def store(frame, value):
                place = found if is_global else found(frame)
                if is_global and not place:
                    raise error(f"Undefined variable '{node[2]}'")
                place[0] = value
            return store
        holder = self.value(node[2])
        if node[0] == "member":
            return lambda frame, value: values.set_member(holder(frame), node[3], value)
        index = self.value(node[3])

        def store_item(frame, value):
            place = holder(frame)
            values.set_index(place, index(frame), value)

        return store_item

    def do_update(self, _, target, op, node):
        if target[0] == "name":
            read, store = self.value(target), self.target(target)
            code = self.value(node)

            def run(frame):
                value = read(frame)
                if op in ("and", "or"):
                    if truthy(value) == (op == "and"):
                        store(frame, code(frame))
                else:
                    store(frame, values.binary(op, value, code(frame)))
            return run
        holder = self.value(target[2])
        if target[0] == "member":
            key, get, put = (lambda frame: target[3]), values.get_member, values.set_member
        else:
            key, get, put = self.value(target[3]), values.get_index, values.set_index
        code = self.value(node)

        def run_inside(frame):
            place = holder(frame)
            name = key(frame)
            value = get(place, name)
            if op in ("and", "or"):
                if truthy(value) == (op == "and"):
                    put(place, name, code(frame))
            else:
                put(place, name, values.binary(op, value, code(frame)))

        return run_inside

    def do_print(self, _, nodes, newline):
        codes, end = [self.value(node) for node in nodes], "\n" if newline else ""

        def run(frame):
            items = [code(frame) for code in codes]
            sys.stdout.write(" ".join(map(text, items)) + end)

        return run

    def do_throw(self, _, node):
        code = self.value(node)

        def run(frame):
            raise Thrown(code(frame))

        return run

    def do_return(self, offset, node):
        if self.scope.parent is None:
            raise CompileError("Return statement outside of function", offset)
        if node is None:
            return lambda frame: (None,)
        if node[0] == "call" and not self.scope.tries:
            prepared = self.prepare_call(node)
            return lambda frame: (Tail(*prepared(frame)),)
        code = self.value(node)
        return lambda frame: (code(frame),)

    def do_break(self, offset):
        if not self.scope.loops:
            raise CompileError("Break statement outside of loop", offset)
        return lambda frame: BREAK

    def do_continue(self, offset):
        if not self.scope.loops:
            raise CompileError("Continue statement outside of loop", offset)
        return lambda frame: CONTINUE

    def do_if(self, _, condition, yes, no):
        test, yes, no = self.value(condition), self.block(yes), self.block(no)
        return lambda frame: yes(frame) if truthy(test(frame)) else no(frame)

    def loop_body(self, body):
        self.scope.loops += 1
        code = self.block(body)
        self.scope.loops -= 1
        return code

    def do_while(self, _, condition, body):
        test, code = self.value(condition), self.loop_body(body)

        def run(frame):
            while truthy(test(frame)):
                left = code(frame)
                if left is not None and left is not CONTINUE:
                    return None if left is BREAK else left

        return run

    def do_for(self, offset, names, node, body):
        machine, source = self.machine, self.value(self.lazy_items(node))
        self.scope.blocks.append({})
        slots = [self.scope.declare(name, offset) for name in names]
        code = self.loop_body(body)
        self.scope.blocks.pop()
        count = len(slots)

        def run(frame):
            for item in machine.iterate(source(frame)):
                if count == 1:
                    frame[slots[0]] = [item]
                else:
                    for slot, part in zip(slots, values.unpack(item, count)):
                        frame[slot] = [part]
                left = code(frame)
                if left is not None and left is not CONTINUE:
                    return None if left is BREAK else left

        return run

    @staticmethod
    def lazy_items(node):
        """`xs.enumerate()` and `xs.zip(ys)` in a loop's head go over the lists themselves."""
        if node[0] == "call" and node[2][0] == "member" and (node[2][3], len(node[3])) in (("enumerate", 0), ("zip", 1)):
            return ("lazy", node[1], node)
        return node

    def value_lazy(self, _, node):
        call, holder = self.value(node), self.value(node[2][2])
        name, args = node[2][3], [self.value(arg) for arg in node[3]]

        def run(frame):
            items = holder(frame)
            if not isinstance(items, list):
                return call(frame)
            if name == "enumerate":
                return ((i, x) for i, x in enumerate(self.machine.iterate(items)))
            return zip(self.machine.iterate(items), self.machine.iterate(values.want(args[0](frame), list)))

        return run

    def do_try(self, offset, body, name, handler):
        machine = self.machine
        self.scope.tries += 1
        code = self.block(body)
        self.scope.tries -= 1
        self.scope.blocks.append({})
        slot = self.scope.declare(name, offset)
        rescue = self.block(handler)
        self.scope.blocks.pop()

        def run(frame):
            depth = machine.depth
            try:
                return code(frame)
            except Thrown as thrown:
                caught = thrown.value
            machine.depth = depth
            frame[slot] = [caught]
            return rescue(frame)

        return run

    def do_import(self, offset, path, name):
        module = self.machine.find_module(path, self.folder, self.loading, offset)
        if self.scope.is_global_level():
            cells = self.module.names[name]

            def run(frame):
                self.machine.run_module(module)
                cells[:] = [module]
        else:
            slot = self.scope.declare(name, offset)

            def run(frame):
                self.machine.run_module(module)
                frame[slot] = [module]
        return run

    def do_fn(self, offset, name, params, body, is_async):
        if self.scope.is_global_level():
            make, cells = self.maker(name, params, body, is_async), self.module.names[name]

            def run(frame):
                cells[:] = [make(frame)]
            return run
        slot = self.scope.declare(name, offset)
        own = self.scope.blocks[-1][name]
        make = self.maker(name, params, body, is_async, None, own)

        def run_local(frame):
            place = frame[slot] = [None]
            place[0] = make(frame)

        return run_local

    def do_struct(self, offset, name, methods):
        names = {}
        for method in methods:
            if method[2] in names:
                raise CompileError(f"Duplicate definition of '{method[2]}'", method[1])
            names[method[2]] = method
        # The struct that was made last, and the variable it is found in if it stands in a block.
        made, variable, slot, cells = [], None, None, None
        if self.scope.is_global_level():
            cells = self.module.names[name]
        else:
            slot = self.scope.declare(name, offset)
            variable = self.scope.blocks[-1][name]
        makers = []
        for method in methods:
            _, _, method_name, params, body, is_async = method
            struct = (names, variable, made)
            make, is_new = self.function(f"{name}.{method_name}", params, body, is_async, struct, variable)
            makers.append((method_name, make, is_new))
        is_new = any(is_new for _, _, is_new in makers)

        def run(frame):
            place = cells
            if slot is not None:
                place = frame[slot] = [None]
            if is_new or not made:
                struct = Struct(name)
                for method_name, make, _ in makers:
                    struct.methods[method_name] = make(frame)
                made[:] = [struct]
            place[:] = made

        return run

    # Functions.

    def function(self, name, params, body, is_async, struct=None, own=None):
        """What makes the function in a frame, and whether it makes another one each time."""
        outer = self.scope
        scope = self.scope = Scope(outer, self.module, [struct] * bool(struct) + outer.structs)
        scope.own = own
        defaults = []
        for param, default in params:
            defaults.append(self.value(default) if default is not None else None)
            scope.declare(param)
        code = self.block(body)
        self.scope = outer
        sources = [cell(place) for place in scope.sources]
        has_self = bool(struct and params and params[0][0] == "self")
        required = sum(default is None for default in defaults)

        def make(frame):
            function = Function()
            function.name, function.params, function.required = name, len(params), required
            function.defaults, function.body, function.size = defaults, code, scope.size
            function.captures = [source(frame) for source in sources]
            function.has_self, function.is_async = has_self, is_async
            return function

        return make, scope.uses_outer

    def maker(self, *definition):
        """Makes the function that a definition means where it is evaluated."""
        make, is_new = self.function(*definition)
        once = []

        def one(frame):
            if not once:
                once.append(make(frame))
            return once[0]

        return make if is_new else one

    # Expressions.

    def value(self, node):
        return getattr(self, "value_" + node[0])(*node[1:])

    def value_paren(self, _, node):
        return self.value(node)

    def value_literal(self, _, value):
        return lambda frame: value

    def cell_of(self, name, offset):
        """A global's list of at most one value, or a function from a frame to a variable's cell."""
        variable = self.scope.find(name)
        if variable is not None:
            return cell(self.scope.access(variable))
        return self.module.names.get(name)

    def value_name(self, offset, name):
        found = self.cell_of(name, offset)
        if found is None:
            for names, variable, made in self.scope.structs:
                if name not in names:
                    continue
                if variable is None:
                    return lambda frame: made[0].methods[name]
                struct = cell(self.scope.access(variable))
                return lambda frame: struct(frame)[0].methods[name]
            if name == "core":
                core = self.machine.core
                return lambda frame: core
            raise CompileError(f"Undefined variable '{name}'", offset)
        if isinstance(found, list):
            def read(frame):
                if not found:
                    raise error(f"Undefined variable '{name}'")
                return found[0]
            return read
        return lambda frame: found(frame)[0]

    def value_or(self, _, left, right):
        left, right = self.value(left), self.value(right)

        def run(frame):
            value = left(frame)
            return value if truthy(value) else right(frame)

        return run

    def value_and(self, _, left, right):
        left, right = self.value(left), self.value(right)

        def run(frame):
            value = left(frame)
            return right(frame) if truthy(value) else value

        return run

    def value_binary(self, _, op, left, right):
        left, right, binary = self.value(left), self.value(right), values.binary
        return lambda frame: binary(op, left(frame), right(frame))

    def value_range(self, _, left, right):
        left, right = self.value(left), self.value(right)
        return lambda frame: values.make_range(left(frame), right(frame))

    def value_unary(self, _, op, node):
        code = self.value(node)
        return lambda frame: values.unary(op, code(frame))

    def value_await(self, _, node):
        code, tasks = self.value(node), self.machine.tasks
        return lambda frame: tasks.wait(code(frame))

    def value_list(self, _, nodes):
        codes = [self.value(node) for node in nodes]
        return lambda frame: [code(frame) for code in codes]

    def value_tuple(self, _, nodes):
        codes = [self.value(node) for node in nodes]
        return lambda frame: tuple([code(frame) for code in codes])

    def value_dict(self, _, entries):
        codes = [(self.value(key), self.value(value)) for key, value in entries]

        def run(frame):
            pairs = []
            for key, value in codes:
                pairs.append((key(frame), value(frame)))
            return Dict(pairs)

        return run

    def value_format(self, _, parts):
        codes = [part if isinstance(part, str) else (self.value(part[0]), part[1]) for part in parts]
        formatted = self.machine.core.names["format"][0].run

        def run(frame):
            out = []
            for part in codes:
                if isinstance(part, str):
                    out.append(part)
                else:
                    value = part[0](frame)
                    out.append(text(value) if part[1] is None else formatted(self.machine, value, part[1]))
            return "".join(out)

        return run

    def value_lambda(self, _, params, body, is_async):
        return self.maker("<anonymous>", params, body, is_async)

    def value_conditional(self, _, condition, yes, no):
        test, yes, no = self.value(condition), self.value(yes), self.value(no)
        return lambda frame: yes(frame) if truthy(test(frame)) else no(frame)

    def value_index(self, _, holder, index):
        holder, index = self.value(holder), self.value(index)

        def run(frame):
            value = holder(frame)
            return values.get_index(value, index(frame))

        return run

    def value_member(self, _, holder, name):
        holder = self.value(holder)
        return lambda frame: values.get_member(holder(frame), name)

    def prepare_call(self, node):
        """The function and the arguments of a call, evaluated in that order."""
        _, _, callee, args = node
        codes = [self.value(arg) for arg in args]
        if callee[0] == "member":
            holder, name, machine = self.value(callee[2]), callee[3], self.machine

            def prepare_method(frame):
                function = machine.method(holder(frame), name)
                return function, [code(frame) for code in codes]

            return prepare_method
        function = self.value(callee)

        def prepare(frame):
            target = function(frame)
            return target, [code(frame) for code in codes]

        return prepare

    def value_call(self, offset, callee, args):
        prepared, call = self.prepare_call(("call", offset, callee, args)), self.machine.call
        return lambda frame: call(*prepared(frame))


def arity(function, hidden, got):
    name = function.name
    if isinstance(function, Builtin):
        least, most = function.least, function.most
    else:
        hidden = min(hidden, got)
        least, most = function.required - hidden, function.params - hidden
    wanted = str(least) if least == most else f"{least} to {most}"
    return error(f"Function '{name}' expected {wanted} arg(s) but got {got - hidden} arg(s)")


class Machine:
    def __init__(self, args):
        self.args, self.depth, self.modules, self.started = args, 0, {}, set()
        self.core = std_module(self, "core")
        self.tasks = tasks.Tasks(self)

    def input(self, *prompt):
        sys.stdout.write("".join(map(text, prompt)))
        sys.stdout.flush()
        return sys.stdin.readline()

    def method(self, receiver, name):
        is_there, member = values.find_member(receiver, name)
        if is_there:
            return member
        table = TABLES.get(type(receiver))
        if table is None and not isinstance(receiver, (Instance, Struct, Module)):
            raise error(f"Cannot call method '{name}' on value of type '{values.type_name(receiver)}'")
        if table is None and isinstance(receiver, (Struct, Module)):
            raise error(f"Type '{values.holder(receiver)}' has no member '{name}'")
        if table is None or name not in table:
            raise error(f"Type '{values.holder(receiver)}' has no method '{name}'")
        run, least, most = table[name]
        return Builtin(name, lambda machine, *args: run(machine, receiver, *args), least, most)

    def call(self, function, args):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise error("Stack overflow")
        result = self.run(function, args)
        self.depth -= 1
        return result

    def check_arity(self, function, args):
        hidden = int(type(function) is Bound)
        inner = function.function if hidden else function
        if isinstance(inner, Function):
            if not inner.required <= len(args) + hidden <= inner.params:
                raise arity(inner, int(inner.has_self), len(args) + hidden)
        elif isinstance(inner, Builtin):
            if not inner.least <= len(args) <= inner.most:
                raise arity(inner, 0, len(args))
        else:
            init = inner.methods.get("init")
            if init is not None:
                self.check_arity(Bound(init, None) if init.has_self else init, args)
            elif args:
                raise error(f"Function '{inner.name}' expected 0 arg(s) but got {len(args)} arg(s)")

    def run(self, function, args, begins=False):
        """Calls a function. `begins`: an asynchronous one is to run here, not to become a task."""
        while True:
            kind, hidden = type(function), 0
            if kind is Bound:
                args, function, kind = [function.receiver] + args, function.function, Function
            if kind is Function:
                count = len(args)
                if not function.required <= count <= function.params:
                    raise arity(function, int(function.has_self), count)
                if function.is_async and not begins:
                    return self.tasks.begin(lambda: self.run(function, args, True))
                begins = False
                frame = [None] * function.size
                frame[0] = function.captures
                for i, arg in enumerate(args, 1):
                    frame[i] = [arg]
                for i in range(count, function.params):
                    frame[i + 1] = [function.defaults[i](frame)]
                left = function.body(frame)
                if left is None:
                    return None
                value = left[0]
                if type(value) is not Tail:
                    return value
                function, args = value.function, value.args
            elif kind is Builtin:
                if not function.least <= len(args) <= function.most:
                    raise arity(function, 0, len(args))
                inside = self.tasks.current.inside
                inside.append(function.name)
                try:
                    return function.run(self, *args)
                finally:
                    inside.pop()
            elif kind is Struct:
                instance, init = Instance(function), function.methods.get("init")
                if init is not None:
                    self.call(Bound(init, instance) if init.has_self else init, args)
                elif args:
                    raise error(f"Function '{function.name}' expected 0 arg(s) but got {len(args)} arg(s)")
                instance.made_with = len(instance.fields)
                return instance
            else:
                raise error(f"Cannot call non-function '{values.type_name(function)}'")

    def iterate(self, value):
        kind = type(value)
        if kind is list:
            i = 0
            while i < len(value):
                yield value[i]
                i += 1
        elif kind in (tuple, str):
            yield from value
        elif kind is Range:
            yield from range(value.start, value.end)
        elif kind is Dict:
            before, entries = value.changes, list(value.entries)
            for key in entries:
                if value.changes != before:
                    raise error("Dict changed size during iteration")
                yield tuple(value.entries[key])
            if value.changes != before:
                raise error("Dict changed size during iteration")
        elif kind is Module:
            yield from value.items()
        elif kind is Instance and ("iter" in value.struct.methods or "next" in value.struct.methods):
            yield from self.iterate_instance(value)
        elif hasattr(value, "__next__"):
            yield from value
        else:
            raise error(f"Type '{values.type_name(value)}' is not iterable")

    def iterate_instance(self, value):
        methods = value.struct.methods
        if "iter" in methods and methods["iter"].has_self:
            result = self.call(methods["iter"], [value])
            if not (isinstance(result, Instance) and "next" in result.struct.methods):
                yield from self.iterate(result)
                return
            value = result
        following = value.struct.methods["next"]
        while True:
            item = self.call(following, [value])
            if item is None:
                return
            yield item

    # Modules.

    def find_module(self, path, folder, loading, offset):
        if path.startswith("std/"):
            name = path[4:]
            if name == "core":
                return self.core
            if path not in self.modules:
                module = tasks.module(self) if name == "async" else std_module(self, name)
                if module is None:
                    raise Unsupported(f"the module {path}")
                self.modules[path] = module
            return self.modules[path]
        missing = CompileError(f"Module '{path}' not found", offset)
        if path.startswith("@"):
            path = os.path.join(".", path[1:], "main.walrus")
        file = os.path.realpath(os.path.join(folder, path))
        if file in loading:
            raise CompileError("Circular import detected", offset)
        if file not in self.modules:
            if not os.path.isfile(file):
                raise missing
            self.modules[file] = self.load(file, loading)
        return self.modules[file]

    def load(self, file, loading=()):
        with open(file, "rb") as handle:
            source = clean(handle.read())
        module = Module(os.path.basename(file).removesuffix(".walrus"))
        compiler = Compiler(self, module, os.path.dirname(file), tuple(loading) + (file,))
        compiler.program(Parser(source).program())
        return module

    def run_module(self, module):
        if module.run is not None and module not in self.started:
            self.started.add(module)
            module.run()
