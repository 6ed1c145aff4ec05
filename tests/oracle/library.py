"""`std/core`, `std/math`, `std/json` and the part of `std/sys` that depends on nothing outside, section 7."""

import ctypes
import ctypes.util
import math
import re
import sys
from fractions import Fraction

from formats import InvalidFormat, format_value
from values import (Builtin, Dict, Instance, Module, Range, Unsupported, error, float_text, is_int, is_number, ordered, quoted, text,
                    truthy, type_name, want, wrap)

INT = re.compile(r"[+-]?[0-9]+")
FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Exit(Exception):
    """`sys.exit`."""


# Functions that depend on more than their arguments.
LEFT_OUT = {
    "math": "seed rand_float rand_bool rand_int rand_range", "sys": "env_get cwd", "core": "gc heap_stats clock timestamp",
}


def from_c(name, count, otherwise):
    """A function of C's mathematical library: Python rounds some of its own differently in the last place."""
    try:
        function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    except (OSError, AttributeError, TypeError):
        return otherwise
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * count
    return function


def left_out(name):
    def run(vm, *_):
        raise Unsupported(name)

    return (run, 0, 9)


def parse_int(string):
    string = string.strip()
    if not INT.fullmatch(string) or not -(2**63) <= int(string) < 2**63:
        return None
    return int(string)


def parse_float(string):
    string = string.strip()
    return float(string) if FLOAT.fullmatch(string) else None


def core(vm):
    def length(vm, x):
        if isinstance(x, Module):
            return len(x.exported)
        if isinstance(x, Dict):
            return len(x.entries)
        if isinstance(x, Range):
            if x.end - x.start > 2**63 - 1:
                raise error("Value too large")
            return max(0, x.end - x.start)
        if not isinstance(x, (str, list, tuple)):
            raise error(f"Cannot get length of non-indexable type '{type_name(x)}'")
        return len(x)

    def to_int(vm, x):
        if isinstance(x, bool) or is_int(x):
            return int(x)
        if isinstance(x, float):
            if not -(2.0**63) <= x < 2.0**63:
                raise error(f"Cannot convert '{text(x)}' to int")
            return int(x)
        result = parse_int(x) if isinstance(x, str) else None
        if result is None:
            raise error(f"Cannot convert '{text(x)}' to int")
        return result

    def to_float(vm, x):
        if isinstance(x, bool) or is_number(x):
            return float(x)
        result = parse_float(x) if isinstance(x, str) else None
        if result is None:
            raise error(f"Cannot convert '{text(x)}' to float")
        return result

    def check(vm, condition, *message):
        if not truthy(condition):
            raise error("Assertion failed" + (f": {text(message[0])}" if message else ""))

    def formatted(vm, x, spec):
        try:
            return format_value(x, want(spec, str), text)
        except InvalidFormat:
            raise error(f"Invalid format '{spec}'") from None
        except ValueError:
            raise error(f"Invalid character number {x}") from None
        except (OverflowError, MemoryError):
            raise error("Value too large") from None
        except TypeError as problem:
            if str(problem) == "precision":
                raise error("Invalid format '" + spec + "'") from None
            raise error(f"Unknown format '{problem}' for type '{type_name(x)}'") from None

    def character(vm, n):
        if not 0 <= want(n, int) <= 0x10FFFF or 0xD800 <= n < 0xE000:
            raise error(f"Invalid character number {n}")
        return chr(n)

    def number(vm, c):
        if len(want(c, str)) != 1:
            raise error("Expected one character")
        return ord(c)

    def of_bytes(vm, items):
        for byte in want(items, list):
            if not 0 <= want(byte, int) <= 255:
                raise error(f"Invalid byte {byte}")
        try:
            return bytes(items).decode("utf-8")
        except UnicodeDecodeError as problem:
            raise error(f"Invalid UTF-8 at byte {problem.start}") from None

    return {
        "len": (length, 1), "str": (lambda vm, x: text(x), 1), "type": (lambda vm, x: type_name(x), 1),
        "int": (to_int, 1), "float": (to_float, 1), "assert": (check, 1, 2), "format": (formatted, 2),
        "chr": (character, 1), "ord": (number, 1), "repr": (lambda vm, x: text(x, True), 1),
        "bytes": (lambda vm, s: list(want(s, str).encode()), 1), "text": (of_bytes, 1),
        "print_error": (lambda vm, x: print(text(x), file=sys.stderr), 1), "gc_threshold": (lambda vm, n: 0, 1),
        "input": (lambda vm, *prompt: vm.input(*prompt), 0, 1),
    }


def number_of(x):
    if not is_number(x):
        raise error(f"Expected type 'float', but found type '{type_name(x)}'")
    return x


def real(function, name=None):
    def run(vm, *args):
        args = [float(number_of(x)) for x in args]
        try:
            return float(function(*args))
        except (ValueError, OverflowError, ZeroDivisionError) as problem:
            if name is None:
                # No domain is left: what IEEE says.
                return math.inf if isinstance(problem, OverflowError) else math.nan
            raise error(f"math.{name}: domain error") from None

    return run


def rounded(x):
    if not math.isfinite(x) or abs(x) >= 2**52:
        return x
    fraction, below = math.modf(abs(x))
    return math.copysign(below + (fraction >= 0.5), x)


def whole(function):
    return lambda x: x if not math.isfinite(x) or abs(x) >= 2**52 else math.copysign(float(function(x)), x)


def cube_root(x):
    """The float nearest to it; C's libraries differ in the last place."""
    if not math.isfinite(x) or x == 0:
        return x
    exact, root = Fraction(abs(x)), math.cbrt(abs(x))

    def middle(below, above):
        return (Fraction(below) + Fraction(above)) / 2

    # C's function may be two places off.
    while exact < middle(math.nextafter(root, 0.0), root) ** 3:
        root = math.nextafter(root, 0.0)
    while exact > middle(root, math.nextafter(root, math.inf)) ** 3:
        root = math.nextafter(root, math.inf)
    return math.copysign(root, x)


def maths(vm):
    def pick(vm, a, b, smaller):
        number_of(a), number_of(b)
        if a != a or b != b:
            return math.nan
        return (b if ordered("<", b, a) else a) if smaller else (b if ordered("<", a, b) else a)

    def clamp(vm, x, low, high):
        number_of(x)
        if not number_of(low) <= number_of(high):
            raise error("math.clamp: invalid range")
        return pick(vm, pick(vm, x, low, False), high, True)

    def logarithm(vm, x, base):
        x, base = float(number_of(x)), float(number_of(base))
        if base <= 0 or base == 1:
            raise error("math.log: invalid base")
        if x <= 0:
            raise error("math.log: domain error")
        # Exact for powers of 2 and 10.
        return math.log2(x) if base == 2 else math.log10(x) if base == 10 else math.log(x) / math.log(base)

    def sign(vm, x):
        return (number_of(x) > 0) - (x < 0)

    table = {
        "pi": (lambda vm: math.pi, 0), "e": (lambda vm: math.e, 0), "tau": (lambda vm: math.tau, 0),
        "inf": (lambda vm: math.inf, 0), "nan": (lambda vm: math.nan, 0),
        "abs": (lambda vm, x: wrap(abs(x)) if is_int(number_of(x)) else abs(x), 1), "sign": (sign, 1),
        "min": (lambda vm, a, b: pick(vm, a, b, True), 2), "max": (lambda vm, a, b: pick(vm, a, b, False), 2),
        "floor": (real(whole(math.floor)), 1), "ceil": (real(whole(math.ceil)), 1), "trunc": (real(whole(math.trunc)), 1),
        "round": (real(rounded), 1), "fract": (real(lambda x: x - math.modf(x)[1]), 1), "sqrt": (real(math.sqrt, "sqrt"), 1),
        "hypot": (real(from_c("hypot", 2, math.hypot)), 2), "sin": (real(math.sin), 1), "cos": (real(math.cos), 1), "tan": (real(math.tan), 1),
        "atan": (real(math.atan), 1), "atan2": (real(math.atan2), 2), "degrees": (real(math.degrees), 1),
        "radians": (real(math.radians), 1), "asin": (real(math.asin, "asin"), 1), "acos": (real(math.acos, "acos"), 1),
        "exp": (real(math.exp), 1), "ln": (real(math.log, "ln"), 1), "log2": (real(math.log2, "log2"), 1),
        "log10": (real(math.log10, "log10"), 1), "pow": (real(lambda a, b: __import__("values").power(a, b)), 2),
        "clamp": (clamp, 3), "log": (logarithm, 2),
        "cbrt": (real(cube_root), 1),
        "lerp": (real(lambda a, b, t: a + (b - a) * t), 3),
        "is_nan": (lambda vm, x: number_of(x) != x, 1), "is_finite": (lambda vm, x: math.isfinite(number_of(x)), 1),
        "is_inf": (lambda vm, x: math.isinf(number_of(x)), 1),
    }
    return table


def encode_as(vm, value, *layout):
    return encode(value, *(want(given, kind) for given, kind in zip(layout, (int, bool))))


def encode(value, indent=None, is_sorted=True, depth=0):
    inner = lambda item: encode(item, indent, is_sorted, depth + 1)
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool or kind is int:
        return text(value)
    if kind is float:
        if not math.isfinite(value):
            raise Unsupported("the words of an error of JSON")
        shown = float_text(value)
        return shown if "." in shown else shown + ".0"
    if kind is str:
        import json
        return json.dumps(value, ensure_ascii=False)
    if kind in (list, tuple):
        return wrapped("[", [inner(item) for item in value], "]", indent, depth)
    if kind is Dict:
        entries = list(value.entries.values())
        if any(type(key) is not str for key, _ in entries):
            raise Unsupported("the words of an error of JSON")
        if is_sorted:
            entries.sort(key=lambda entry: entry[0])
        colon = ": " if indent else ":"
        return wrapped("{", [inner(key) + colon + inner(item) for key, item in entries], "}", indent, depth)
    raise Unsupported("the words of an error of JSON")


def wrapped(start, items, end, indent, depth):
    if not items or not indent:
        return start + ",".join(items) + end
    outer, line = " " * (indent * depth), " " * (indent * (depth + 1))
    return start + "\n" + ",\n".join(line + item for item in items) + "\n" + outer + end


def decode(vm, string):
    import json
    pairs = lambda entries: Dict(entries)
    try:
        return json.loads(want(string, str), object_pairs_hook=pairs)
    except ValueError as problem:
        raise Unsupported("the words of an error of JSON") from None


def std_module(vm, name):
    """A standard module, or None if the oracle does not have it."""
    tables = {
        "core": core, "math": maths,
        "json": lambda vm: {"encode": (encode_as, 1, 3), "decode": (decode, 1)},
        "sys": lambda vm: {"args": (lambda vm: list(vm.args), 0), "exit": (exit_program, 1)},
    }
    if name not in tables:
        return None
    module = Module(name)
    rows = tables[name](vm)
    rows.update((entry, left_out(f"{name}.{entry}")) for entry in LEFT_OUT.get(name, "").split())
    for entry, row in rows.items():
        module.names[entry] = [Builtin(entry, row[0], row[1], row[-1])]
        module.exported.append(entry)
    return module


def exit_program(vm, code):
    raise Exit(want(code, int))
