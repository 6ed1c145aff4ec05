"""Walrus source to a tree.

A node is a tuple: its kind, the offset where it begins, and its parts. Levels are those of section 3 of the language's
page, loosest first.
"""

from formats import InvalidFormat, parse_format
from lexer import CompileError, Lexer

ASSIGNMENTS = {"+=", "-=", "*=", "/=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>="}
COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
LEVELS = [("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%")]


class Parser:
    def __init__(self, text):
        self.lexer = Lexer(text)
        self.text = text
        self.go(0)

    # Tokens.

    def go(self, pos):
        self.token = self.lexer.token(pos)

    def next(self):
        token = self.token
        self.go(token.end)
        return token

    def is_op(self, *ops):
        return self.token.kind == "op" and self.token.value in ops

    def is_word(self, *words):
        return self.token.kind == "keyword" and self.token.value in words

    def take(self, op):
        if self.is_op(op):
            return self.next()
        return None

    def take_word(self, word):
        if self.is_word(word):
            return self.next()
        return None

    def fail(self, wanted):
        found = self.token.value if self.token.kind != "end" else "end of file"
        raise CompileError(f"Expected {wanted}, but found '{found}'", self.token.start)

    def expect(self, op):
        return self.take(op) or self.fail(f"'{op}'")

    def name(self):
        if self.token.kind != "name":
            self.fail("a name")
        return self.next().value

    def member_name(self):
        if self.token.kind not in ("name", "keyword"):
            self.fail("a member name")
        return self.next().value

    # Statements.

    def program(self):
        statements = []
        while self.token.kind != "end":
            self.statement(statements)
        return statements

    def block(self):
        self.expect("{")
        statements = []
        while not self.is_op("}"):
            if self.token.kind == "end":
                self.fail("'}'")
            self.statement(statements)
        self.next()
        return statements

    def statement(self, into):
        start = self.token.start
        if self.take(";"):
            return
        if self.is_op("{"):
            into.append(("block", start, self.block()))
        elif self.is_word("fn", "struct", "if", "while", "for", "try") or self.is_async_function():
            into.append(self.compound(start))
        else:
            into.append(self.simple(start))
            self.expect(";")

    def is_async_function(self):
        if not self.is_word("async"):
            return False
        following = self.lexer.token(self.token.end)
        return following.kind == "keyword" and following.value == "fn"

    def compound(self, start):
        is_async = self.take_word("async") is not None
        word = self.next().value
        if word == "fn":
            return self.function(start, is_async)
        if word == "struct":
            return self.struct(start)
        if word == "if":
            return self.if_statement(start)
        if word == "while":
            return ("while", start, self.expression(), self.block())
        if word == "for":
            names = [self.name()]
            while self.take(","):
                names.append(self.name())
            if not self.take_word("in"):
                self.fail("'in'")
            return ("for", start, names, self.expression(), self.block())
        body = self.block()
        if not self.take_word("catch"):
            self.fail("'catch'")
        name = self.name()
        return ("try", start, body, name, self.block())

    def if_statement(self, start):
        condition, body, other = self.expression(), self.block(), []
        if self.take_word("else"):
            inner = self.token.start
            other = [self.if_statement(inner)] if self.take_word("if") else self.block()
        return ("if", start, condition, body, other)

    def function(self, start, is_async):
        name = self.name()
        self.expect(":")
        params = self.parameters()
        return ("fn", start, name, params, self.block(), is_async)

    def parameters(self):
        params = []
        while not self.is_op("{"):
            name = self.name()
            default = self.expression() if self.take("=") else None
            if default is None and params and params[-1][1] is not None:
                raise CompileError(f"Parameter '{name}' without a default follows one that has one", self.token.start)
            params.append((name, default))
            if not self.take(","):
                break
        return params

    def struct(self, start):
        name = self.name()
        self.expect("{")
        methods = []
        while not self.is_op("}"):
            if self.take(";"):
                continue
            inner = self.token.start
            is_async = self.take_word("async") is not None
            if not self.take_word("fn"):
                self.fail("'fn'")
            methods.append(self.function(inner, is_async))
        self.next()
        return ("struct", start, name, methods)

    def simple(self, start):
        if self.take_word("let"):
            names = [self.name()]
            while self.take(","):
                names.append(self.name())
            self.expect("=")
            values = self.values()
            self.check_lengths(len(names), len(values), start)
            return ("let", start, names, values)
        if self.take_word("return"):
            return ("return", start, None if self.is_op(";") else self.expression())
        if self.take_word("throw"):
            return ("throw", start, self.expression())
        for word in ("break", "continue"):
            if self.take_word(word):
                return (word, start)
        if self.is_word("print", "println"):
            return self.print_statement(start)
        if self.take_word("import"):
            return self.import_statement(start)
        return self.expression_statement(start)

    def values(self):
        values = [self.expression()]
        while self.take(","):
            values.append(self.expression())
        return values

    @staticmethod
    def check_lengths(targets, values, start):
        if values > 1 and targets != values:
            raise CompileError(f"{values} values cannot be assigned to {targets} names", start)

    def print_statement(self, start):
        newline = self.next().value == "println"
        if self.is_op(";"):
            return ("print", start, [], newline)
        value = self.expression()
        items = value[2] if value[0] == "tuple" else None
        if items is None:
            return ("print", start, [value], newline)
        return ("print", start, items, newline)

    def import_statement(self, start):
        if self.take("@"):
            name = self.name()
            path, default = "@" + name, name
        elif self.token.kind == "string":
            path = self.next().value
            default = path.rsplit("/", 1)[-1].removesuffix(".walrus")
        else:
            self.fail("a path")
        return ("import", start, path, self.name() if self.take_word("as") else default)

    def expression_statement(self, start):
        targets = [self.expression()]
        while self.take(","):
            targets.append(self.expression())
        op = self.token.value if self.token.kind in ("op", "keyword") else ""
        if self.take("="):
            for target in targets:
                self.check_target(target)
            values = self.values()
            self.check_lengths(len(targets), len(values), start)
            return ("assign", start, targets, values)
        is_logical = op in ("and", "or") and self.lexer.token(self.token.end).value == "="
        if len(targets) > 1:
            self.fail("'='")
        if is_logical or self.is_op(*ASSIGNMENTS):
            self.next()
            if is_logical:
                self.next()
            self.check_target(targets[0])
            return ("update", start, targets[0], op.removesuffix("="), self.expression())
        return ("expression", start, targets[0])

    @staticmethod
    def check_target(target):
        if target[0] not in ("name", "index", "member"):
            raise CompileError("Cannot assign to this expression", target[1])

    # Expressions.

    def expression(self):
        left = self.conjunction()
        while self.is_word("or") and not self.is_assignment():
            self.next()
            left = ("or", left[1], left, self.conjunction())
        return left

    def is_assignment(self):
        """Whether the word at hand is the first half of `and=` or `or=`."""
        following = self.lexer.token(self.token.end)
        return following.kind == "op" and following.value == "=" and following.start == self.token.end

    def conjunction(self):
        left = self.comparison()
        while self.is_word("and") and not self.is_assignment():
            self.next()
            left = ("and", left[1], left, self.comparison())
        return left

    def comparison_operator(self):
        """Takes the operator of a comparison, if one is next."""
        if self.is_op(*COMPARISONS):
            return self.next().value
        if self.take_word("in"):
            return "in"
        if self.is_word("not"):
            following = self.lexer.token(self.token.end)
            if following.kind == "keyword" and following.value == "in":
                self.next()
                self.next()
                return "not in"
        return None

    def comparison(self):
        left = self.range()
        op = self.comparison_operator()
        if op is None:
            return left
        if op in ("in", "not in") and left[0] == "unary" and left[2] == "not":
            raise CompileError("Write 'a not in b'", left[1])
        right = self.range()
        start = self.token.start
        if self.comparison_operator():
            raise CompileError("Comparisons do not chain", start)
        return ("binary", left[1], op, left, right)

    def range(self):
        start = self.token.start
        if self.take(".."):
            return ("range", start, ("literal", start, 0), self.binary(0))
        left = self.binary(0)
        if self.take(".."):
            return ("range", start, left, self.binary(0))
        return left

    def binary(self, level):
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.is_op(*LEVELS[level]):
            op = self.next().value
            left = ("binary", left[1], op, left, self.binary(level + 1))
        return left

    def unary(self):
        start = self.token.start
        if self.take("-"):
            if self.token.kind == "int" and self.token.value == 2**63:
                literal = self.token
                following = self.lexer.token(literal.end)
                if following.value != "**":
                    self.next()
                    return self.postfix(("literal", start, -(2**63)))
            return ("unary", start, "-", self.unary())
        if self.take("~"):
            return ("unary", start, "~", self.unary())
        if self.take_word("not"):
            return ("unary", start, "not", self.unary())
        return self.power()

    def power(self):
        base = self.awaited()
        if self.take("**"):
            return ("binary", base[1], "**", base, self.unary())
        return base

    def awaited(self):
        start = self.token.start
        if self.take_word("await"):
            return ("await", start, self.awaited())
        return self.postfix(self.primary())

    def postfix(self, left):
        while True:
            if self.take("("):
                left = ("call", left[1], left, self.items(")"))
            elif self.take("["):
                index = self.expression()
                self.expect("]")
                left = ("index", left[1], left, index)
            elif self.take("."):
                left = ("member", left[1], left, self.member_name())
            else:
                return left

    def items(self, end):
        items = []
        while not self.is_op(end):
            items.append(self.expression())
            if not self.take(","):
                break
        self.expect(end)
        return items

    def primary(self):
        token = self.token
        start = token.start
        if token.kind in ("int", "float", "string"):
            if token.kind == "int" and token.value >= 2**63:
                raise CompileError(f"Number '{self.text[start:token.end]}' is too large", start)
            self.next()
            return ("literal", start, token.value)
        if token.kind == "fstring":
            return self.format_string(start)
        if token.kind == "name":
            self.next()
            return ("name", start, token.value)
        for word, value in (("true", True), ("false", False), ("void", None)):
            if self.take_word(word):
                return ("literal", start, value)
        if self.take("("):
            return self.parentheses(start)
        if self.take("["):
            return ("list", start, self.items("]"))
        if self.take("{"):
            return self.dict(start)
        if self.take(":"):
            return ("lambda", start, self.parameters(), self.block(), False)
        if self.take_word("async"):
            self.expect(":")
            return ("lambda", start, self.parameters(), self.block(), True)
        if self.take_word("if"):
            return self.conditional(start)
        return self.fail("an expression")

    def parentheses(self, start):
        if self.take(")"):
            return ("tuple", start, [])
        first = self.expression()
        if self.take(")"):
            # Marked, so that what asks for a form of its own (`print (1, 2)`, `not a in b`) does not see it through parentheses.
            return ("paren", start, first)
        self.expect(",")
        return ("tuple", start, [first] + self.items(")"))

    def dict(self, start):
        entries = []
        while not self.is_op("}"):
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
            if not self.take(","):
                break
        self.expect("}")
        return ("dict", start, entries)

    def conditional(self, start):
        condition, yes = self.expression(), self.branch()
        if not self.take_word("else"):
            self.fail("'else'")
        inner = self.token.start
        no = self.conditional(inner) if self.take_word("if") else self.branch()
        return ("conditional", start, condition, yes, no)

    def branch(self):
        self.expect("{")
        value = self.expression()
        self.expect("}")
        return value

    def format_string(self, start):
        """Texts, and pairs of an expression and its format or None."""
        parts, pos, text, literal = [], self.token.end, self.text, []
        while True:
            if pos >= len(text):
                raise CompileError("Unterminated format string", start)
            c = text[pos]
            if c == '"':
                break
            if text.startswith(("{{", "}}"), pos):
                literal.append(c)
                pos += 2
            elif c == "{":
                if literal:
                    parts.append("".join(literal))
                    literal = []
                part, pos = self.hole(pos)
                parts.append(part)
            elif c == "\\":
                c, pos = self.lexer.escape(pos)
                literal.append(c)
            else:
                literal.append(c)
                pos += 1
        if literal:
            parts.append("".join(literal))
        self.go(pos + 1)
        return self.postfix(("format", start, parts))

    def hole(self, pos):
        self.lexer.holes += 1
        try:
            self.go(pos + 1)
            value = self.expression()
            if self.is_op("}"):
                return (value, None), self.token.end
            if not self.is_op(":"):
                self.fail("'}'")
            spec, end = [], self.token.end
            while end < len(self.text) and self.text[end] not in '}"':
                if self.text[end] == "\\":
                    c, end = self.lexer.escape(end)
                    spec.append(c)
                else:
                    spec.append(self.text[end])
                    end += 1
            if not self.text.startswith("}", end):
                self.fail("'}'")
            spec = "".join(spec)
            try:
                parse_format(spec)
            except InvalidFormat:
                raise CompileError(f"Invalid format '{spec}'", pos) from None
            return (value, spec), end + 1
        except CompileError as error:
            if error.message.startswith("Invalid format"):
                raise
            raise CompileError(f"Failed to parse f-string expression: {error.message}", error.offset) from None
        finally:
            self.lexer.holes -= 1
