"""Tokens of Walrus source, made on demand: the parser decides where to go on behind a hole of a format string."""

from collections import namedtuple

Token = namedtuple("Token", "kind value start end")

KEYWORDS = set(
    "let fn async await struct if else while for in break continue return import as print println throw try catch "
    "and or not true false void".split()
)
OPERATORS = (
    "**= <<= >>= ** << >> <= >= == != += -= *= /= %= &= |= ^= .. + - * / % < > = & | ^ ~ ( ) [ ] { } , ; : . @".split()
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", '"': '"', "'": "'"}
DIGITS = {"x": "0123456789abcdefABCDEF", "o": "01234567", "b": "01"}


class CompileError(Exception):
    """The program is refused. `offset` is a place in the text."""

    def __init__(self, message, offset=0):
        super().__init__(message)
        self.message, self.offset = message, offset


def is_name_start(c):
    return c.isascii() and (c.isalpha() or c == "_")


def is_name(c):
    return c.isascii() and (c.isalnum() or c == "_")


def clean(data):
    """Source text of a file's bytes: without a byte-order mark or a line that begins with `#!`, `\\r\\n` as `\\n`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CompileError(f"Invalid UTF-8 at byte {error.start}", error.start) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return text.partition("\n")[2] if text.startswith("#!") else text


class Lexer:
    def __init__(self, text):
        self.text = text
        # How many holes of format strings are around: there an escaped quote is a quote.
        self.holes = 0

    def skip(self, pos):
        text = self.text
        while pos < len(text):
            if text[pos] in " \t\r\n\f\v" or text[pos].isspace():
                pos += 1
            elif text.startswith("//", pos):
                end = text.find("\n", pos)
                pos = len(text) if end < 0 else end
            elif text.startswith("/*", pos):
                end = text.find("*/", pos + 2)
                if end < 0:
                    raise CompileError("Unterminated block comment", pos)
                pos = end + 2
            else:
                break
        return pos

    def token(self, pos):
        """The first token at or behind a position."""
        text = self.text
        start = self.skip(pos)
        if start == len(text):
            return Token("end", "", start, start)
        c = text[start]
        if text.startswith('f"', start):
            return Token("fstring", "", start, start + 2)
        if is_name_start(c):
            end = start
            while end < len(text) and is_name(text[end]):
                end += 1
            word = text[start:end]
            return Token("keyword" if word in KEYWORDS else "name", word, start, end)
        if c.isdigit() and c.isascii():
            return self.number(start)
        if c == '"':
            return self.string(start, start + 1, '"')
        if self.holes and text.startswith('\\"', start):
            return self.string(start, start + 2, '\\"')
        for op in OPERATORS:
            if text.startswith(op, start):
                return Token("op", op, start, start + len(op))
        raise CompileError(f"Invalid token '{c}'", start)

    def number(self, start):
        text, end = self.text, start
        while end < len(text) and is_name(text[end]):
            end += 1
        is_hex = text[start : start + 2] in ("0x", "0X")
        if not is_hex:
            # A fraction, and the sign of an exponent.
            if text.startswith(".", end) and end + 1 < len(text) and text[end + 1].isdigit():
                end += 1
                while end < len(text) and is_name(text[end]):
                    end += 1
            if text[end - 1] in "eE" and end < len(text) and text[end] in "+-":
                end += 1
                while end < len(text) and is_name(text[end]):
                    end += 1
        literal = text[start:end]
        invalid = CompileError(f"Invalid number literal '{literal}'", start)
        if len(literal) > 1 and literal[0] == "0" and literal[1] in DIGITS:
            digits = literal[2:]
            self.check_digits(digits, DIGITS[literal[1]], invalid)
            value = int(digits.replace("_", ""), {"x": 16, "o": 8, "b": 2}[literal[1]])
            # The least int is made of a minus and this; the parser refuses what is too large.
            return Token("int", value, start, end)
        if any(c in literal for c in ".eE"):
            whole, _, exponent = literal.replace("E", "e").partition("e")
            parts = whole.split(".") + ([exponent.lstrip("+-")] if "e" in literal.lower() else [])
            for part in parts:
                self.check_digits(part, "0123456789", invalid)
            value = float(literal.replace("_", ""))
            if value == float("inf"):
                raise CompileError(f"Number '{literal}' is too large", start)
            return Token("float", value, start, end)
        self.check_digits(literal, "0123456789", invalid)
        return Token("int", int(literal.replace("_", "")), start, end)

    @staticmethod
    def check_digits(text, digits, error):
        if not text or text[0] == "_" or text[-1] == "_" or "__" in text:
            raise error
        if any(c not in digits and c != "_" for c in text):
            raise error

    def string(self, start, pos, quote):
        text, out = self.text, []
        while True:
            if pos >= len(text):
                raise CompileError("Unterminated string", start)
            if text.startswith(quote, pos):
                return Token("string", "".join(out), start, pos + len(quote))
            if text[pos] == "\\":
                c, pos = self.escape(pos)
                out.append(c)
            else:
                out.append(text[pos])
                pos += 1

    def escape(self, pos):
        """The character of an escape sequence at a position, and where it ends."""
        text = self.text
        c = text[pos + 1] if pos + 1 < len(text) else ""
        if c in ESCAPES and c:
            return ESCAPES[c], pos + 2
        if c == "u":
            error = CompileError("Invalid unicode escape sequence", pos)
            end = text.find("}", pos)
            digits = text[pos + 3 : end]
            if not text.startswith("{", pos + 2) or end < 0 or not 1 <= len(digits) <= 6:
                raise error
            if any(d not in DIGITS["x"] for d in digits):
                raise error
            number = int(digits, 16)
            if number > 0x10FFFF or 0xD800 <= number < 0xE000:
                raise error
            return chr(number), end + 1
        raise CompileError(f"Invalid escape sequence '\\{c}'", pos)
