"""`core.format`: Python's format specification, with what Walrus leaves out."""

import re
from math import isfinite

SPEC = re.compile(r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ])?(?P<alt>#)?(?P<zero>0)?(?P<width>\d+)?"
                  r"(?P<group>[,_])?(?:\.(?P<precision>\d+))?(?P<type>[bcdeEfFgGosxX%])?", re.DOTALL)
INTEGERS, FLOATS = "dboxXc", "eEfFgG%"


class InvalidFormat(Exception):
    """No value accepts it."""


def parse_format(spec):
    match = SPEC.fullmatch(spec)
    if not match:
        raise InvalidFormat
    parts = match.groupdict()
    kind = parts["type"]
    if kind and kind in INTEGERS and parts["precision"] is not None:
        raise InvalidFormat
    if kind == "c" and (parts["sign"] or parts["alt"] or parts["group"]):
        raise InvalidFormat
    if kind == "s" and (parts["sign"] or parts["alt"] or parts["group"] or parts["align"] == "="):
        raise InvalidFormat
    if kind and kind in "boxX" and parts["group"] == ",":
        raise InvalidFormat
    return parts


def format_value(value, spec, text):
    """The formatted text. `text` makes the text of any value. Raises InvalidFormat, TypeError (wrong type), ValueError (character)."""
    parts = parse_format(spec)
    kind = parts["type"]
    if int(parts["width"] or 0) > 2**32 or int(parts["precision"] or 0) > 2**32:
        raise OverflowError
    is_int = isinstance(value, int) and not isinstance(value, bool)
    is_float = isinstance(value, float)
    if kind and kind in INTEGERS and not is_int or kind and kind in FLOATS and not (is_int or is_float):
        raise TypeError(kind)
    if kind == "s" and not isinstance(value, str):
        raise TypeError(kind)
    if is_float and not isfinite(value):
        shown = text(value) + ("%" if kind == "%" else "")
        sign = "-" if shown.startswith("-") else parts["sign"] if parts["sign"] in ("+", " ") else ""
        return pad(shown.lstrip("-"), parts, ">", sign)
    if is_int and kind is None and parts["precision"] is not None:
        raise TypeError("precision")
    if is_int or is_float:
        if is_float and kind is None and parts["precision"] is None:
            shown = text(value)
            if parts["group"] or parts["alt"]:
                whole, dot, rest = shown.lstrip("-").partition(".")
                whole = f"{int(whole):{parts['group']}}" if parts["group"] else whole
                shown = ("-" if shown[0] == "-" else "") + whole + dot + rest
            sign = "-" if shown.startswith("-") else parts["sign"] if parts["sign"] in ("+", " ") else ""
            return pad(shown.lstrip("-"), parts, ">", sign)
        if kind == "c" and not (0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000):
            raise ValueError
        if is_float and kind is None:
            spec = spec + "g"
        return format(value, spec)
    for name in ("sign", "alt", "group"):
        if parts[name]:
            raise TypeError(kind or "")
    if parts["align"] == "=":
        raise TypeError(kind or "")
    shown = text(value)
    if parts["precision"] is not None:
        shown = shown[: int(parts["precision"])]
    return pad(shown, parts, "<", "")


def pad(shown, parts, default, sign):
    align, fill = parts["align"], parts["fill"] or " "
    if parts["zero"] and not align:
        align, fill = ("=", "0") if default == ">" else (default, "0")
    elif parts["zero"] and not parts["fill"]:
        fill = "0"
    align = align or default
    missing = max(0, int(parts["width"] or 0) - len(shown) - len(sign))
    if align == "=":
        return sign + fill * missing + shown
    before = {"<": 0, ">": missing, "^": missing // 2}[align]
    return fill * before + sign + shown + fill * (missing - before)
