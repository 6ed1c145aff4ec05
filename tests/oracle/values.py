"""Values and the operations of section 3: text, truth, equality, order, arithmetic, index and slice.

Ints, floats, bools, strings, lists and tuples are Python's own, void is None; the rest are classes here.
"""

import math
from decimal import Decimal

LIMIT = 2**32


class Thrown(Exception):
    """A thrown value, or a run-time error with its message."""

    def __init__(self, value, is_error=False):
        super().__init__()
        self.value, self.is_error = value, is_error


def error(message):
    return Thrown(message, True)


class Unsupported(Exception):
    """Something that the oracle does not know, with its name."""


class Range:
    __slots__ = ("start", "end")

    def __init__(self, start, end):
        self.start, self.end = start, end

    def __len__(self):
        return max(0, self.end - self.start)


class Dict:
    """Entries by normalised key, in order of insertion; `changes` counts keys that came or went."""

    __slots__ = ("entries", "changes")

    def __init__(self, pairs=()):
        self.entries, self.changes = {}, 0
        for key, value in pairs:
            self.set(key, value)

    def set(self, key, value):
        known = dict_key(key)
        old = self.entries.get(known)
        if old is None:
            self.changes += 1
            self.entries[known] = [key, value]
        else:
            old[1] = value

    def find(self, key):
        return self.entries.get(dict_key(key))

    def remove(self, key):
        entry = self.entries.pop(dict_key(key), None)
        if entry is None:
            return None
        self.changes += 1
        return entry[1]


class Function:
    """A function with what it captured. `params` counts all, `required` those without a default."""

    __slots__ = ("name", "params", "required", "defaults", "body", "captures", "size", "has_self", "is_async")


class Builtin:
    __slots__ = ("name", "run", "least", "most")

    def __init__(self, name, run, least, most):
        self.name, self.run, self.least, self.most = name, run, least, most


class Bound:
    __slots__ = ("function", "receiver")

    def __init__(self, function, receiver):
        self.function, self.receiver = function, receiver


class Struct:
    __slots__ = ("name", "methods")

    def __init__(self, name):
        self.name, self.methods = name, {}


class Instance:
    """`made_with` is how many fields there were when `init` had ended."""

    __slots__ = ("struct", "fields", "made_with")

    def __init__(self, struct):
        self.struct, self.fields, self.made_with = struct, {}, 0


class Module:
    """`names` holds cells; a cell is empty until its definition ran. `exported` keeps the order of definition."""

    __slots__ = ("name", "names", "exported", "run")

    def __init__(self, name):
        self.name, self.names, self.exported, self.run = name, {}, [], None

    def items(self):
        return [(name, self.names[name][0]) for name in self.exported if self.names[name]]


def type_name(value):
    if value is None:
        return "void"
    kind = type(value)
    return TYPES.get(kind) or "function"


TYPES = {
    int: "int", float: "float", bool: "bool", str: "string", list: "list", tuple: "tuple", Dict: "dict",
    Range: "range", Struct: "struct", Instance: "struct instance", Module: "module",
}


def holder(value):
    """What messages about members call a value: a struct instance goes by its struct's name."""
    return value.struct.name if isinstance(value, Instance) else type_name(value)


def is_int(value):
    return type(value) is int


def is_number(value):
    return type(value) in (int, float)


def truthy(value):
    kind = type(value)
    if value is None:
        return False
    if kind in (bool, int, float, str, list, tuple):
        return bool(value)
    if kind is Dict:
        return bool(value.entries)
    if kind is Range:
        return value.end > value.start
    if kind is Module:
        return bool(value.exported)
    return True


def float_text(value):
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    shortest, exact = Decimal(repr(value)), Decimal(value)
    # Of two that are equally near Python takes the even one, the language the one farther from zero.
    other = (exact + (exact - shortest)).normalize()
    is_as_short = len(other.as_tuple().digits) <= len(shortest.as_tuple().digits)
    if abs(shortest) < abs(exact) and is_as_short and float(other) == value:
        shortest = other
    text = format(shortest, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


QUOTES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\\": "\\\\", '"': '\\"'}


def quoted(value):
    is_control = lambda c: c < " " or "\x7f" <= c <= "\x9f"
    escape = lambda c: QUOTES.get(c) or (f"\\u{{{ord(c):x}}}" if is_control(c) else c)
    return '"' + "".join(map(escape, value)) + '"'


def text(value, quote=False, around=()):
    kind = type(value)
    if kind is str:
        return quoted(value) if quote else value
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return float_text(value)
    if value is None:
        return "void"
    if kind in (list, tuple, Dict) or quote and kind is Instance:
        if any(outer is value for outer in around):
            return {list: "[...]", tuple: "(...)", Dict: "{...}"}.get(kind) or f"{value.struct.name}(...)"
        inner = around + (value,)
        of = lambda item: text(item, quote, inner)
        if kind is list:
            return "[" + ", ".join(map(of, value)) + "]"
        if kind is tuple:
            return "(" + ", ".join(map(of, value)) + (",)" if len(value) == 1 else ")")
        if kind is Dict:
            return "{" + ", ".join(f"{of(k)}: {of(v)}" for k, v in value.entries.values()) + "}"
        if len(value.fields) > value.made_with + 1:
            raise Unsupported("the order of fields that are assigned later")
        return value.struct.name + "(" + ", ".join(f"{name}: {of(item)}" for name, item in value.fields.items()) + ")"
    if kind is Range:
        return f"{value.start}..{value.end}"
    if kind is Function:
        return f"<async_function({value.name})>" if value.is_async else f"<function({value.name})>"
    if kind is Builtin:
        return f"<native_function({value.name})>"
    if kind is Bound:
        return text(value.function)
    if kind is Struct:
        return f"<struct {value.name}>"
    if kind is Instance:
        return f"<instance of {value.struct.name}>"
    if kind in TEXTS:
        return TEXTS[kind](value)
    return f"<module {value.name}>"


# By type: the text of what other files add.
TEXTS = {}


def dict_key(key):
    kind = type(key)
    if kind is float and key != key:
        return ("NaN",)
    if kind is Range:
        return (Range, key.start, key.end)
    if kind is tuple:
        return (tuple,) + tuple(map(dict_key, key))
    if key is None or kind in (int, float, bool, str):
        return (kind, key)
    raise error(f"Type '{type_name(key)}' cannot be a dict key")


def equal(a, b, pairs=()):
    left, right = type(a), type(b)
    if left in (int, float) and right in (int, float):
        return a == b
    if left is not right:
        return False
    if left in (bool, str):
        return a == b
    if left is Range:
        return (a.start, a.end) == (b.start, b.end)
    if left in (list, tuple, Dict):
        if any(x is a and y is b for x, y in pairs):
            return True
        pairs = pairs + ((a, b),)
        if left is Dict:
            if len(a.entries) != len(b.entries):
                return False
            others = b.entries
            return all(key in others and equal(entry[1], others[key][1], pairs) for key, entry in a.entries.items())
        return len(a) == len(b) and all(equal(x, y, pairs) for x, y in zip(a, b))
    return a is b


def invalid(op, a, b):
    return error(f"Invalid operation '{op}' on operands '{type_name(a)}' and '{type_name(b)}'")


ORDERS = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def ordered(op, a, b):
    left, right = type(a), type(b)
    if left in (int, float) and right in (int, float) or left is str and right is str:
        return ORDERS[op](a, b)
    if left is right and left in (list, tuple):
        for x, y in zip(a, b):
            if not equal(x, y):
                return ordered(op, x, y)
        return ORDERS[op](len(a), len(b))
    raise invalid(op, a, b)


def wrap(value):
    return (value + 2**63) % 2**64 - 2**63


def repeat(sequence, count):
    if len(sequence) * max(0, count) > LIMIT:
        raise error("Value too large")
    return sequence * max(0, count)


def power(a, b):
    if is_int(a) and is_int(b) and b >= 0:
        return wrap(pow(a, b, 2**64))
    a, b = float(a), float(b)
    if b == 2:
        # Rounded once, which not every library's power is.
        return a * a
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:
        if a == 0:
            return math.copysign(math.inf, a) if b % 2 == 1 else math.inf
        return math.nan


def divide(op, a, b):
    if is_int(a) and is_int(b):
        if b == 0:
            raise error("Division by zero")
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return wrap(quotient) if op == "/" else wrap(a - quotient * b)
    a, b = float(a), float(b)
    if op == "%":
        return math.nan if b == 0 or math.isinf(a) else math.fmod(a, b)
    if b == 0:
        if a == 0 or a != a:
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def binary(op, a, b):
    left, right = type(a), type(b)
    if op == "==":
        return equal(a, b)
    if op == "!=":
        return not equal(a, b)
    if op in ORDERS:
        return ordered(op, a, b)
    if op in ("in", "not in"):
        return contains(a, b) == (op == "in")
    if left in (int, float) and right in (int, float):
        if op in ("/", "%"):
            return divide(op, a, b)
        if op == "**":
            return power(a, b)
        if left is int and right is int:
            return int_operation(op, a, b)
        if op in ("+", "-", "*"):
            a, b = float(a), float(b)
            return a + b if op == "+" else a - b if op == "-" else a * b
    if op == "+" and left is right:
        if left in (str, list, tuple):
            return a + b
        if left is Dict:
            return Dict([tuple(e) for e in a.entries.values()] + [tuple(e) for e in b.entries.values()])
    if op == "*":
        if left in (list, str) and right is int:
            return repeat(a, b)
        if right in (list, str) and left is int:
            return repeat(b, a)
    raise invalid(op, a, b)


def int_operation(op, a, b):
    if op == "+":
        return wrap(a + b)
    if op == "-":
        return wrap(a - b)
    if op == "*":
        return wrap(a * b)
    if op == "&":
        return a & b
    if op == "|":
        return a | b
    if op == "^":
        return a ^ b
    if b < 0:
        raise error("Negative shift count")
    return wrap(a << b % 64) if op == "<<" else a >> b % 64


def unary(op, value):
    if op == "not":
        return not truthy(value)
    if op == "-" and is_number(value):
        return wrap(-value) if is_int(value) else -value
    if op == "~" and is_int(value):
        return ~value
    raise error(f"Invalid unary operation '{op}' on operand {type_name(value)}")


def make_range(a, b):
    if not is_int(a) or not is_int(b):
        raise invalid("..", a, b)
    return Range(a, b)


def contains(item, where):
    if isinstance(where, (list, tuple)):
        return any(equal(item, other) for other in where)
    if isinstance(where, str):
        want(item, str)
        return item in where
    if isinstance(where, Dict):
        return where.find(item) is not None
    if isinstance(where, Range):
        return is_number(item) and item == item and where.start <= item < where.end and item == int(item)
    raise error(f"Type '{type_name(where)}' has no members to look in")


NAMES = {int: "int", float: "float", str: "string", list: "list", tuple: "tuple", Dict: "dict", bool: "bool"}


def want(value, kind):
    if type(value) is not kind:
        raise error(f"Expected type '{NAMES[kind]}', but found type '{type_name(value)}'")
    return value


def position(index, length, limit=None):
    """Where an index points, negative ones counted from the end."""
    place = index + length if index < 0 else index
    if not 0 <= place < (length if limit is None else limit):
        raise error(f"Index {index} out of bounds for object with len {length}")
    return place


def slice_of(value, bounds):
    length = len(value)

    def resolve(bound):
        place = bound + length + 1 if bound < 0 else bound
        if not 0 <= place <= length:
            raise error(f"Index {bound} out of bounds for object with len {length}")
        return place

    start, end = resolve(bounds.start), resolve(bounds.end)
    if start > end:
        raise error(f"Range start '{bounds.start}' must be less than or equal to range end '{bounds.end}'")
    return value[start:end]


def get_index(value, index):
    if isinstance(value, (list, tuple, str)):
        if is_int(index):
            return value[position(index, len(value))]
        if isinstance(index, Range):
            return slice_of(value, index)
    elif isinstance(value, Dict):
        entry = value.find(index)
        if entry is None:
            raise error(f"Key '{text(index)}' not found")
        return entry[1]
    elif isinstance(value, (Module, Instance)) and isinstance(index, str):
        return get_member(value, index)
    elif not isinstance(value, (Module, Instance)):
        raise error(f"Cannot index non-indexable type '{type_name(value)}'")
    raise error(f"Cannot index type '{type_name(value)}' with type '{type_name(index)}'")


def set_index(value, index, item):
    if isinstance(value, list):
        if not is_int(index):
            raise error(f"Cannot index type 'list' with type '{type_name(index)}'")
        value[position(index, len(value))] = item
    elif isinstance(value, Dict):
        value.set(index, item)
    elif isinstance(value, Instance) and isinstance(index, str):
        value.fields[index] = item
    elif isinstance(value, Instance):
        raise error(f"Cannot index type 'struct instance' with type '{type_name(index)}'")
    else:
        raise error(f"Cannot assign into type '{type_name(value)}'")


def find_member(value, name):
    """A pair of whether there is such a member, and the member."""
    if isinstance(value, Instance):
        if name in value.fields:
            return True, value.fields[name]
        method = value.struct.methods.get(name)
        if method is not None:
            return True, Bound(method, value) if method.has_self else method
    elif isinstance(value, Struct):
        if name in value.methods:
            return True, value.methods[name]
    elif isinstance(value, Module):
        if name in value.exported:
            cell = value.names[name]
            if not cell:
                raise error(f"Undefined variable '{name}'")
            return True, cell[0]
    elif isinstance(value, Dict):
        entry = value.find(name)
        if entry is not None:
            return True, entry[1]
    elif isinstance(value, Range) and name in ("start", "end"):
        return True, getattr(value, name)
    return False, None


def get_member(value, name):
    is_there, member = find_member(value, name)
    if not is_there:
        raise error(f"Type '{holder(value)}' has no member '{name}'")
    return member


def set_member(value, name, item):
    if isinstance(value, Instance):
        value.fields[name] = item
    elif isinstance(value, Dict):
        value.set(name, item)
    else:
        raise error(f"Cannot assign into type '{type_name(value)}'")


def unpack(value, count):
    """The items of a sequence that is unpacked into so many targets."""
    if not isinstance(value, (list, tuple, str, Range)):
        raise error(f"Expected type 'tuple', but found type '{type_name(value)}'")
    length = len(value) if not isinstance(value, Range) else max(0, value.end - value.start)
    if length != count:
        raise error(f"Expected {count} values to unpack, but found {length}")
    return list(range(value.start, value.end)) if isinstance(value, Range) else list(value)
