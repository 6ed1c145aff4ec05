class Parser:
    def __init__(self, text):
        self.text = text
        self.at = 0

    def peek(self):
        return self.text[self.at] if self.at < len(self.text) else ""

    def skip(self):
        while self.at < len(self.text) and self.text[self.at] in " \n\t\r":
            self.at += 1

    def expect(self, c):
        if self.peek() != c:
            raise ValueError(f"expected {c} at {self.at}")
        self.at += 1

    def value(self):
        self.skip()
        c = self.peek()
        if c == "{":
            result = self.object()
        elif c == "[":
            result = self.array()
        elif c == '"':
            result = self.string()
        elif c == "t":
            result = self.word("true", True)
        elif c == "f":
            result = self.word("false", False)
        elif c == "n":
            result = self.word("null", None)
        else:
            result = self.number()
        self.skip()
        return result

    def word(self, letters, value):
        for c in letters:
            self.expect(c)
        return value

    def number(self):
        sign = 1
        if self.peek() == "-":
            sign = -1
            self.at += 1
        if not self.peek().isdigit():
            raise ValueError(f"expected a value at {self.at}")
        n = 0
        while self.peek().isdigit():
            n = n * 10 + (ord(self.peek()) - 48)
            self.at += 1
        return sign * n

    def string(self):
        self.expect('"')
        parts = []
        while self.peek() != '"':
            c = self.peek()
            if c == "":
                raise ValueError("unterminated string")
            if c == "\\":
                self.at += 1
                c = self.peek()
                if c == "n":
                    c = "\n"
                elif c == "t":
                    c = "\t"
            parts.append(c)
            self.at += 1
        self.at += 1
        return "".join(parts)

    def array(self):
        self.expect("[")
        items = []
        self.skip()
        if self.peek() == "]":
            self.at += 1
            return items
        while True:
            items.append(self.value())
            if self.peek() == "]":
                break
            self.expect(",")
        self.at += 1
        return items

    def object(self):
        self.expect("{")
        members = {}
        self.skip()
        if self.peek() == "}":
            self.at += 1
            return members
        while True:
            self.skip()
            key = self.string()
            self.skip()
            self.expect(":")
            members[key] = self.value()
            if self.peek() == "}":
                break
            self.expect(",")
        self.at += 1
        return members


def main():
    records = []
    for i in range(20000):
        records.append(
            f'{{"id": {i}, "name": "user {i % 97}", "tags": ["a\\n{i % 5}", "b"], "score": {i * 7 % 1000 - 500}, '
            f'"active": {str(i % 3 == 0).lower()}, "parent": null}}'
        )
    text = "[" + ",\n  ".join(records) + "]"
    total = 0
    active = 0
    names = {}
    for record in Parser(text).value():
        total = (total * 31 + record["score"] + len(record["tags"][0]) + 1000) % 1000003
        if record["active"]:
            active += 1
        names[record["name"]] = names.get(record["name"], 0) + record["id"]
    print(len(text), total, active, len(names), names["user 42"])


main()
