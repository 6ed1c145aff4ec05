class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  peek() {
    return this.at < this.text.length ? this.text[this.at] : "";
  }

  skip() {
    while (this.at < this.text.length && " \n\t\r".includes(this.text[this.at])) this.at++;
  }

  expect(c) {
    if (this.peek() !== c) throw new Error(`expected ${c} at ${this.at}`);
    this.at++;
  }

  value() {
    this.skip();
    let result;
    switch (this.peek()) {
      case "{":
        result = this.object();
        break;
      case "[":
        result = this.array();
        break;
      case '"':
        result = this.string();
        break;
      case "t":
        result = this.word("true", true);
        break;
      case "f":
        result = this.word("false", false);
        break;
      case "n":
        result = this.word("null", null);
        break;
      default:
        result = this.number();
    }
    this.skip();
    return result;
  }

  word(letters, value) {
    for (const c of letters) this.expect(c);
    return value;
  }

  number() {
    let sign = 1;
    if (this.peek() === "-") {
      sign = -1;
      this.at++;
    }
    if (!isDigit(this.peek())) throw new Error(`expected a value at ${this.at}`);
    let n = 0;
    while (isDigit(this.peek())) {
      n = n * 10 + (this.peek().charCodeAt(0) - 48);
      this.at++;
    }
    return sign * n;
  }

  string() {
    this.expect('"');
    const parts = [];
    while (this.peek() !== '"') {
      let c = this.peek();
      if (c === "") throw new Error("unterminated string");
      if (c === "\\") {
        this.at++;
        c = this.peek();
        if (c === "n") c = "\n";
        else if (c === "t") c = "\t";
      }
      parts.push(c);
      this.at++;
    }
    this.at++;
    return parts.join("");
  }

  array() {
    this.expect("[");
    const items = [];
    this.skip();
    if (this.peek() === "]") {
      this.at++;
      return items;
    }
    while (true) {
      items.push(this.value());
      if (this.peek() === "]") break;
      this.expect(",");
    }
    this.at++;
    return items;
  }

  object() {
    this.expect("{");
    const members = {};
    this.skip();
    if (this.peek() === "}") {
      this.at++;
      return members;
    }
    while (true) {
      this.skip();
      const key = this.string();
      this.skip();
      this.expect(":");
      members[key] = this.value();
      if (this.peek() === "}") break;
      this.expect(",");
    }
    this.at++;
    return members;
  }
}

const isDigit = (c) => c >= "0" && c <= "9";

const records = [];
for (let i = 0; i < 20000; i++) {
  records.push(
    `{"id": ${i}, "name": "user ${i % 97}", "tags": ["a\\n${i % 5}", "b"], "score": ${((i * 7) % 1000) - 500}, "active": ${i % 3 === 0}, "parent": null}`,
  );
}
const text = "[" + records.join(",\n  ") + "]";
let sum = 0;
let active = 0;
const names = new Map();
for (const record of new Parser(text).value()) {
  sum = (sum * 31 + record.score + record.tags[0].length + 1000) % 1000003;
  if (record.active) active++;
  names.set(record.name, (names.get(record.name) ?? 0) + record.id);
}
console.log(`${text.length} ${sum} ${active} ${names.size} ${names.get("user 42")}`);
