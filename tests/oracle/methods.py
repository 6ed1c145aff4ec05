"""Built-in methods, section 6. Each takes the machine, the receiver and the arguments; `least` and `most` count the latter."""

from functools import cmp_to_key

from library import Unsupported
from values import (LIMIT, Dict, Range, Thrown, contains, dict_key, equal, error, is_int, ordered, position, text, truthy,
                    type_name, want)

TABLES = {list: {}, str: {}, Dict: {}, tuple: {}, Range: {}}


def method(kind, least=0, most=None, name=None):
    def add(function):
        TABLES[kind][name or function.__name__.rstrip("_").split("__")[-1]] = (function, least, least if most is None else most)
        return function

    return add


def live(items):
    """The items of a list by index, as it is when each turn comes."""
    i = 0
    while i < len(items):
        yield items[i]
        i += 1


def limit(n):
    if n > 2**63 - 1:
        raise error("Value too large")
    return n


# Lists.

@method(list, 1)
def push(vm, xs, x):
    xs.append(x)


@method(list)
def pop(vm, xs):
    if not xs:
        raise error("Cannot pop from an empty list")
    return xs.pop()


for kind in (list, tuple):
    method(kind, name="len")(lambda vm, xs: len(xs))
    method(kind, 1, name="contains")(lambda vm, xs, x: contains(x, xs))
    method(kind, 1, name="index_of")(lambda vm, xs, x: next((i for i, y in enumerate(xs) if equal(x, y)), -1))
method(list, name="clear")(lambda vm, xs: xs.clear())
method(list, name="reverse")(lambda vm, xs: xs.reverse())
method(list, name="copy")(lambda vm, xs: list(xs))
method(list, name="reversed")(lambda vm, xs: xs[::-1])
method(list, name="first")(lambda vm, xs: xs[0] if xs else None)
method(list, name="last")(lambda vm, xs: xs[-1] if xs else None)


@method(list, 2)
def insert(vm, xs, i, x):
    xs.insert(position(want(i, int), len(xs), len(xs) + 1), x)


@method(list, 1)
def remove(vm, xs, i):
    return xs.pop(position(want(i, int), len(xs)))


def compare(a, b):
    return -1 if ordered("<", a, b) else 1 if ordered("<", b, a) else 0


def in_order(keyed):
    """Sorts pairs of a key and something by the key."""
    if any(key != key for key, _ in keyed):
        raise Unsupported("the place of NaN among others that are sorted")
    try:
        return [x for _, x in sorted(keyed, key=cmp_to_key(lambda a, b: compare(a[0], b[0])))]
    except Thrown:
        leave_out_if_open(keyed)
        raise


def leave_out_if_open(items):
    """Which items are compared first is not said, so neither is which error comes first."""
    if len(items) > 2:
        raise Unsupported("an error among the comparisons of a sort") from None


def changed(before, xs):
    return len(before) != len(xs) or any(not (a is b or type(a) is type(b) and equal(a, b)) for a, b in zip(before, xs))


@method(list, 0, 1)
def sort(vm, xs, *by):
    # That it is there counts: void is an argument, and no function.
    if not by:
        xs[:] = in_order([(x, x) for x in xs])
        return

    def ask(a, b):
        try:
            return want(vm.call(by[0], [a, b]), int)
        except Thrown:
            leave_out_if_open(before)
            raise

    before = list(xs)
    # Python asks whether a later one is smaller, the language which way round an earlier and a later one are.
    result = sorted(before, key=cmp_to_key(lambda later, earlier: -ask(earlier, later)))
    if changed(before, xs):
        raise error("List changed during sort")
    xs[:] = result


@method(list, name="sorted")
def sorted_copy(vm, xs):
    return in_order([(x, x) for x in xs])


@method(list, 1)
def sort_by(vm, xs, key):
    before = list(xs)
    keyed = [(vm.call(key, [x]), x) for x in before]
    result = in_order(keyed)
    if changed(before, xs):
        raise error("List changed during sort")
    xs[:] = result


method(list, 1, name="map")(lambda vm, xs, f: [vm.call(f, [x]) for x in live(xs)])
method(list, 1, name="filter")(lambda vm, xs, f: [x for x in live(xs) if truthy(vm.call(f, [x]))])
method(list, 1, name="any")(lambda vm, xs, f: any(truthy(vm.call(f, [x])) for x in live(xs)))
method(list, 1, name="all")(lambda vm, xs, f: all(truthy(vm.call(f, [x])) for x in live(xs)))
method(list, 1, name="find")(lambda vm, xs, f: next((x for x in live(xs) if truthy(vm.call(f, [x]))), None))
method(list, 1, name="find_index")(
    lambda vm, xs, f: next((i for i, x in enumerate(live(xs)) if truthy(vm.call(f, [x]))), -1))
method(list, 1, name="count")(lambda vm, xs, x: sum(equal(x, y) for y in xs))


@method(list, 2)
def reduce(vm, xs, f, state):
    for x in live(xs):
        state = vm.call(f, [state, x])
    return state


@method(list, 1)
def flat_map(vm, xs, f):
    out = []
    for x in live(xs):
        out += want(vm.call(f, [x]), list)
    return out


@method(list, 1)
def group_by(vm, xs, f):
    groups = Dict()
    for x in live(xs):
        key = vm.call(f, [x])
        entry = groups.find(key)
        if entry is None:
            groups.set(key, [x])
        else:
            entry[1].append(x)
    return groups


def extreme(vm, xs, key, op):
    best = None
    for x in live(xs):
        rank = key(x)
        if best is None or ordered("<", *((rank, best[0]) if op == "min" else (best[0], rank))):
            best = (rank, x)
    return best[1] if best else None


for op in ("min", "max"):
    method(list, name=op)(lambda vm, xs, op=op: extreme(vm, xs, lambda x: x, op))
    method(list, 1, name=op + "_by")(lambda vm, xs, key, op=op: extreme(vm, xs, lambda x: vm.call(key, [x]), op))


@method(list, 1)
def join(vm, xs, sep):
    return want(sep, str).join(map(text, xs))


@method(list, 1)
def extend(vm, xs, items):
    xs.extend(list(items) if items is xs else vm.iterate(items))


@method(list, name="sum")
def total(vm, xs):
    from values import binary
    result = 0
    for x in xs:
        if type(x) not in (int, float):
            raise error(f"Invalid operation '+' on operands '{type_name(result)}' and '{type_name(x)}'")
        result = binary("+", result, x)
    return result


@method(list)
def unique(vm, xs):
    seen = Dict()
    for x in xs:
        if seen.find(x) is None:
            seen.set(x, x)
    return [key for key, _ in seen.entries.values()]


method(list, 1, name="zip")(lambda vm, xs, ys: list(zip(xs, want(ys, list))))
method(list, name="enumerate")(lambda vm, xs: list(enumerate(xs)))


@method(list, 1)
def chunks(vm, xs, n):
    if want(n, int) < 1:
        raise error("Chunk size must be at least 1")
    return [xs[i : i + n] for i in range(0, len(xs), n)]


# Strings.

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

method(str, name="len")(lambda vm, s: len(s))
method(str, name="upper")(lambda vm, s: s.upper())
method(str, name="lower")(lambda vm, s: s.lower())
method(str, name="trim")(lambda vm, s: s.strip(SPACES))
method(str, name="trim_start")(lambda vm, s: s.lstrip(SPACES))
method(str, name="trim_end")(lambda vm, s: s.rstrip(SPACES))
method(str, 1, name="contains")(lambda vm, s, t: want(t, str) in s)
method(str, 1, name="starts_with")(lambda vm, s, t: s.startswith(want(t, str)))
method(str, 1, name="ends_with")(lambda vm, s, t: s.endswith(want(t, str)))
method(str, name="chars")(lambda vm, s: list(s))
method(str, name="reversed")(lambda vm, s: s[::-1])
method(str, 1, name="count")(lambda vm, s, t: s.count(want(t, str)))
method(str, 1, name="code_at")(lambda vm, s, i: ord(s[position(want(i, int), len(s))]))


@method(str, 0, 1)
def split(vm, s, *sep):
    if not sep:
        words, word = [], ""
        for c in s + " ":
            if c in SPACES:
                words += [word] if word else []
                word = ""
            else:
                word += c
        return words
    return s.split(want(sep[0], str)) if want(sep[0], str) else list(s)


@method(str, 1)
def split_once(vm, s, sep):
    if not want(sep, str):
        raise error("Empty separator")
    before, found, after = s.partition(sep)
    return (before, after) if found else None


@method(str, 2)
def replace(vm, s, a, b):
    if s.count(want(a, str)) * len(want(b, str)) > LIMIT:
        raise error("Value too large")
    return s.replace(a, b)


@method(str)
def lines(vm, s):
    parts = s.split("\n")
    if parts[-1] == "":
        parts.pop()
    return [part.removesuffix("\r") for part in parts]


@method(str, 1, 2, name="index_of")
def find_text(vm, s, t, *start):
    want(t, str)
    begin = position(want(start[0], int), len(s), len(s) + 1) if start else 0
    return s.find(t, begin)


@method(str, 1)
def repeat(vm, s, n):
    from values import repeat as times
    return times(s, want(n, int))


def padding(s, n, fill):
    missing = want(n, int) - len(s)
    want(fill, str)
    if missing > LIMIT:
        raise error("Value too large")
    return (fill * (missing // len(fill) + 1))[:missing] if missing > 0 and fill else ""


method(str, 2, name="pad_left")(lambda vm, s, n, fill: padding(s, n, fill) + s)
method(str, 2, name="pad_right")(lambda vm, s, n, fill: s + padding(s, n, fill))


@method(str)
def to_int(vm, s):
    from library import parse_int
    return parse_int(s)


@method(str)
def to_float(vm, s):
    from library import parse_float
    return parse_float(s)


def every(test):
    return lambda vm, s: bool(s) and all(map(test, s))


method(str, name="is_digit")(every(lambda c: c in "0123456789"))
method(str, name="is_alpha")(every(str.isalpha))
method(str, name="is_alnum")(every(lambda c: c.isalpha() or c.isnumeric()))
method(str, name="is_space")(every(lambda c: c in SPACES))
method(str, name="is_upper")(every(str.isupper))
method(str, name="is_lower")(every(str.islower))

# Dicts.

method(Dict, name="len")(lambda vm, d: len(d.entries))
method(Dict, name="keys")(lambda vm, d: [key for key, _ in d.entries.values()])
method(Dict, name="values")(lambda vm, d: [value for _, value in d.entries.values()])
method(Dict, name="items")(lambda vm, d: [tuple(entry) for entry in d.entries.values()])
method(Dict, 1, name="contains")(lambda vm, d, key: d.find(key) is not None)
method(Dict, name="copy")(lambda vm, d: Dict(map(tuple, d.entries.values())))


@method(Dict, 1, 2)
def get(vm, d, key, *default):
    entry = d.find(key)
    return entry[1] if entry else default[0] if default else None


@method(Dict, 1, name="remove")
def remove_key(vm, d, key):
    return d.remove(key)


@method(Dict)
def clear(vm, d):
    d.changes += bool(d.entries)
    d.entries.clear()


def asked(vm, d, f):
    """Entries with what a function says of them, while no key comes or goes."""
    before, entries = d.changes, list(d.entries.values())
    for entry in entries:
        if d.changes != before:
            raise error("Dict changed size during iteration")
        key, value = entry
        yield key, value, vm.call(f, [key, value])
    if d.changes != before:
        raise error("Dict changed size during iteration")


method(Dict, 1, name="map_values")(lambda vm, d, f: Dict([(key, new) for key, _, new in asked(vm, d, f)]))
method(Dict, 1, name="filter")(lambda vm, d, f: Dict([(key, value) for key, value, yes in asked(vm, d, f) if truthy(yes)]))


@method(Dict, 1, name="sort_by")
def sort_entries(vm, d, f):
    keyed = list(asked(vm, d, f))
    keyed.sort(key=cmp_to_key(lambda a, b: compare(a[2], b[2])))
    return Dict([(key, value) for key, value, _ in keyed])


@method(Dict, 2)
def get_or_insert(vm, d, key, default):
    if d.find(key) is None:
        d.set(key, default)
    return d.find(key)[1]


# Ranges.

method(Range, name="len")(lambda vm, r: limit(max(0, r.end - r.start)))
method(Range, 1, name="contains")(lambda vm, r, x: contains(x, r))
